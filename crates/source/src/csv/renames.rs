//! Which files have another name than before: renamed, or moved on by whoever rotates logs.
//!
//! `app.csv` becomes `app.1.csv`, what was that becomes `app.2.csv`, and a new `app.csv` begins, all at one moment or while
//! nobody looks. A name says little then; the inode and the beginning of a file say which one it is.

use std::collections::HashMap;
use std::path::PathBuf;

use super::files::Compression;
use super::identity::{hash, read_head};
use super::position::FileState;
use crate::error::SourceError;

/// A file that there is: its path as the source knows it, where that is, its size and its inode.
pub(super) struct Found {
    pub(super) path: String,
    pub(super) on_disk: PathBuf,
    pub(super) size: u64,
    pub(super) inode: u64,
}

/// Gives the files that were renamed their new paths, all at once since they may follow one another; says whether any was.
///
/// A file counts as renamed when its inode is not under its old path any more and is under another one, with the same
/// beginning. What stood at a path that another file has now and is nowhere itself was deleted.
pub(super) fn follow_renames(found: &[Found], files: &mut [FileState]) -> Result<bool, SourceError> {
    let inode_at: HashMap<&str, u64> = found.iter().map(|found| (found.path.as_str(), found.inode)).collect();
    let has_moved = |file: &FileState| {
        let there = inode_at.get(file.path.as_str());
        file.identity.inode != 0 && !file.path.is_empty() && there.is_none_or(|inode| *inode != file.identity.inode)
    };
    let mut moved: HashMap<u64, Vec<usize>> = HashMap::new();
    for (number, file) in files.iter().enumerate().filter(|(_, file)| has_moved(file)) {
        moved.entry(file.identity.inode).or_default().push(number);
    }
    let mut renamed: Vec<(Vec<usize>, &str)> = Vec::new();
    for found in found {
        let Some(numbers) = moved.get(&found.inode) else { continue };
        if is_saved_anew(found, &inode_at, files)? {
            continue;
        }
        let mut same: Vec<usize> = Vec::new();
        for number in numbers {
            let file = &files[*number];
            if same.first().is_none_or(|first| files[*first].path == file.path) && is_it(found, file)? {
                same.push(*number);
            }
        }
        if !same.is_empty() {
            moved.remove(&found.inode);
            renamed.push((same, found.path.as_str()));
        }
    }
    for (_, path) in &renamed {
        let is_moving = |number: &usize| renamed.iter().any(|(numbers, _)| numbers.contains(number));
        let before = (0..files.len()).filter(|number| files[*number].path == **path && !is_moving(number));
        for number in before.collect::<Vec<_>>() {
            files[number].check_gone()?;
            files[number].forget();
        }
    }
    for (numbers, path) in &renamed {
        numbers.iter().for_each(|number| (**path).clone_into(&mut files[*number].path));
    }
    Ok(!renamed.is_empty())
}

/// Whether a file was written anew under its own name: then its new inode may be the old one of any file that was deleted.
fn is_saved_anew(found: &Found, inode_at: &HashMap<&str, u64>, files: &[FileState]) -> Result<bool, SourceError> {
    let Some(file) = files.iter().find(|file| file.path == found.path) else { return Ok(false) };
    let is_elsewhere = inode_at.values().any(|inode| *inode == file.identity.inode);
    Ok(!is_elsewhere && is_it(found, file)?)
}

/// Whether what is found is a file that is known by another path.
fn is_it(found: &Found, file: &FileState) -> Result<bool, SourceError> {
    let is_candidate = file.identity.size <= found.size
        && file.identity.head_bytes > 0
        && Compression::of(&file.path) == Compression::of(&found.path);
    if !is_candidate {
        return Ok(false);
    }
    let head = read_head(&found.on_disk, file.identity.head_bytes as usize, file.identity.of_text);
    let head = head.map_err(|source| SourceError::Read { path: found.path.clone(), source })?;
    Ok(hash(&head) == file.identity.head_hash)
}
