//! Gives back memory that only the start needed, or what came in.
//!
//! Planning every view walks through most of the program's code once. Those pages stay mapped, and count as memory of the
//! process, though nothing of them is used again before somebody changes a view or asks a question. They are the program's
//! file itself: whoever needs one of them again finds it where it was, in the system's cache of that file.

use std::fs;
use std::ops::Range;
use std::path::Path;

/// Gives back code, and what the allocator keeps for what is asked of it next.
pub(crate) fn give_back() {
    give_back_heap();
    give_back_code();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator has no safe call for it")]
fn give_back_heap() {
    // SAFETY: only pages that nothing is allocated in are given back, under the allocator's own locks.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators keep less, or give it back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back_heap() {}

/// Unmaps the pages of the program's own file that nobody has written to. What is in use comes back at its next use.
pub(crate) fn give_back_code() {
    let Ok(program) = fs::read_link("/proc/self/exe") else { return };
    let Ok(mappings) = fs::read_to_string("/proc/self/smaps") else { return };
    for pages in unwritten(&mappings, &program) {
        unmap(&pages);
    }
}

/// The mappings of `program` that cannot be written to, and of which no page ever was.
fn unwritten(mappings: &str, program: &Path) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut of_program = None;
    for line in mappings.lines() {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("Anonymous:"), Some("0")) => found.extend(of_program.take()),
            (Some(range), Some("r-xp" | "r--p")) => {
                let is_of_program = words.nth(3).is_some_and(|path| Path::new(path) == program);
                of_program = range_of(range).filter(|_| is_of_program);
            }
            (Some(range), Some(_)) if range_of(range).is_some() => of_program = None,
            _ => {}
        }
    }
    found
}

/// `55be5c460000-55be62354000`.
fn range_of(text: &str) -> Option<Range<usize>> {
    let (start, end) = text.split_once('-')?;
    Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
}

#[expect(unsafe_code, reason = "the system has no safe call for it")]
fn unmap(pages: &Range<usize>) {
    let start = std::ptr::with_exposed_provenance_mut(pages.start);
    // SAFETY: these are pages of a file, mapped for reading only, and none was ever written to: every later access finds
    // the same bytes in the file.
    unsafe { libc::madvise(start, pages.len(), libc::MADV_DONTNEED) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_never_written_is_given_back() {
        let mappings = "\
1000-3000 r--p 00000000 fe:00 1 /opt/millrace
Rss:                   8 kB
Anonymous:             0 kB
3000-9000 r-xp 00002000 fe:00 1 /opt/millrace
Anonymous:             0 kB
9000-a000 r--p 00008000 fe:00 1 /opt/millrace
Anonymous:             4 kB
a000-b000 rw-p 00009000 fe:00 1 /opt/millrace
Anonymous:             0 kB
b000-c000 r-xp 00000000 fe:00 2 /lib/libc.so.6
Anonymous:             0 kB
c000-d000 r--p 00000000 00:00 0
Anonymous:             0 kB
";
        assert_eq!(unwritten(mappings, Path::new("/opt/millrace")), [0x1000..0x3000, 0x3000..0x9000]);
    }

    #[test]
    fn the_program_goes_on_without_its_code() {
        let program = fs::read_link("/proc/self/exe").expect("the system knows what runs");
        let mappings = fs::read_to_string("/proc/self/smaps").expect("the system knows what is mapped");
        let found = unwritten(&mappings, &program);
        assert!(!found.is_empty(), "nothing of {} can be given back:\n{mappings}", program.display());
        let own = the_program_goes_on_without_its_code as fn() as usize;
        assert!(found.iter().any(|pages| pages.contains(&own)), "{own:#x} is in none of {found:#x?}");
        give_back_code();
        let sum: u64 = (1..=100).map(std::hint::black_box).sum();
        assert_eq!(sum, 5050);
    }
}
