//! The order in which statements are planned: each after those it reads.

/// Either every node after those it points to, or the nodes of a circle, each pointing to the next.
pub(crate) fn order(edges: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut walk = Walk { edges, marks: vec![Mark::New; edges.len()], path: Vec::new(), order: Vec::new() };
    for node in 0..edges.len() {
        walk.visit(node)?;
    }
    Ok(walk.order)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    OnPath,
    Done,
}

struct Walk<'a> {
    edges: &'a [Vec<usize>],
    marks: Vec<Mark>,
    path: Vec<usize>,
    order: Vec<usize>,
}

impl Walk<'_> {
    /// As deep as the longest chain of views, which people keep short.
    fn visit(&mut self, node: usize) -> Result<(), Vec<usize>> {
        match self.marks[node] {
            Mark::Done => return Ok(()),
            Mark::OnPath => {
                let start = self.path.iter().position(|other| *other == node).unwrap_or(0);
                return Err(self.path[start..].to_vec());
            }
            Mark::New => {}
        }
        self.marks[node] = Mark::OnPath;
        self.path.push(node);
        for next in &self.edges[node] {
            self.visit(*next)?;
        }
        self.path.pop();
        self.marks[node] = Mark::Done;
        self.order.push(node);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_circles() {
        assert_eq!(order(&[vec![2], vec![0], vec![]]), Ok(vec![2, 0, 1]));
        assert_eq!(order(&[vec![1], vec![2], vec![1]]), Err(vec![1, 2]));
    }
}
