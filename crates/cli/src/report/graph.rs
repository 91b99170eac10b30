//! Boxes in columns, joined by curves: a small layered drawing.

use super::markup::{Esc, cut, put};
use ambit_scope::Grade;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Certain,
    Probable,
    Possible,
    Gap,
    Plain,
}

impl From<Grade> for Style {
    fn from(grade: Grade) -> Self {
        match grade {
            Grade::Certain => Self::Certain,
            Grade::Probable => Self::Probable,
            Grade::Possible => Self::Possible,
        }
    }
}

impl Style {
    /// The surest first.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Certain => 0,
            Self::Probable => 1,
            Self::Possible => 2,
            Self::Plain | Self::Gap => 3,
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Probable => "probable",
            Self::Possible => "possible",
            Self::Gap => "gap",
            Self::Plain => "plain",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub column: usize,
    pub title: String,
    pub detail: String,
    /// What a pointer over the box shows.
    pub full: String,
    pub style: Style,
}

impl Node {
    pub fn plain(column: usize, title: &str, detail: &str) -> Self {
        Self {
            column,
            title: title.to_owned(),
            detail: detail.to_owned(),
            full: title.to_owned(),
            style: Style::Plain,
        }
    }

    /// A place that edges from one box share on their way; it has no title.
    fn waypoint(origin: usize, column: usize, style: Style) -> Self {
        Self {
            column,
            title: String::new(),
            detail: origin.to_string(),
            full: String::new(),
            style,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub style: Style,
}

#[derive(Debug, Default)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

const BOX: (f64, f64) = (196.0, 44.0);
const SPACE: (f64, f64) = (64.0, 16.0);

impl Graph {
    pub fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub fn find_or_add(&mut self, node: Node) -> usize {
        match self.nodes.iter().position(|known| *known == node) {
            Some(at) => at,
            None => self.add(node),
        }
    }

    /// Adds an edge; of several between the same boxes the first stays.
    pub fn connect(&mut self, edge: Edge) {
        if !self.edges.iter().any(|e| (e.from, e.to) == (edge.from, edge.to)) {
            self.edges.push(edge);
        }
    }

    pub fn draw(mut self, label: &str, out: &mut String) {
        self.lead_around();
        let columns = self.columns();
        let tallest = columns.iter().map(Vec::len).max().unwrap_or(1) as f64;
        let width = columns.len() as f64 * (BOX.0 + SPACE.0) - SPACE.0 + 4.0;
        let height = tallest * (BOX.1 + SPACE.1) - SPACE.1 + 4.0;
        let places = self.places(&columns, height);
        put!(
            out,
            "<div class=\"scroll\"><svg class=\"picture\" viewBox=\"-2 -2 {width} {height}\" role=\"img\" aria-label=\"{}\">",
            Esc(label)
        );
        for edge in &self.edges {
            draw_edge(*edge, &places, out);
        }
        for (node, place) in self.nodes.iter().zip(&places) {
            draw_node(node, *place, out);
        }
        out.push_str("</svg></div>");
    }

    /// An edge that goes past a column gets a place of its own there, so that no box hides it.
    fn lead_around(&mut self) {
        let long: Vec<Edge> = std::mem::take(&mut self.edges);
        for edge in long {
            let (first, last) = (self.nodes[edge.from].column, self.nodes[edge.to].column);
            let mut from = edge.from;
            for column in first + 1..last {
                let place = self
                    .nodes
                    .iter()
                    .position(|n| *n == Node::waypoint(edge.from, column, edge.style));
                let place = place.unwrap_or_else(|| self.add(Node::waypoint(edge.from, column, edge.style)));
                self.connect(Edge {
                    to: place,
                    from,
                    ..edge
                });
                from = place;
            }
            self.connect(Edge { from, ..edge });
        }
    }

    /// Node numbers per column, columns without nodes left out; within a column in the order of the
    /// boxes that lead there, so that curves cross little.
    fn columns(&self) -> Vec<Vec<usize>> {
        let last = self.nodes.iter().map(|node| node.column).max().unwrap_or(0);
        let mut rank = vec![0.0; self.nodes.len()];
        let mut columns = Vec::new();
        for column in 0..=last {
            let mut members: Vec<usize> = (0..self.nodes.len())
                .filter(|n| self.nodes[*n].column == column)
                .collect();
            let middle = |node: usize| {
                let from: Vec<f64> = self
                    .edges
                    .iter()
                    .filter(|e| e.to == node)
                    .map(|e| rank[e.from])
                    .collect();
                if from.is_empty() {
                    f64::MAX
                } else {
                    from.iter().sum::<f64>() / from.len() as f64
                }
            };
            let mut keyed: Vec<(f64, usize)> = members.iter().map(|n| (middle(*n), *n)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            members = keyed.into_iter().map(|(_, n)| n).collect();
            for (at, n) in members.iter().enumerate() {
                rank[*n] = (at as f64 + 0.5) / members.len() as f64;
            }
            if !members.is_empty() {
                columns.push(members);
            }
        }
        columns
    }

    fn places(&self, columns: &[Vec<usize>], height: f64) -> Vec<(f64, f64)> {
        let mut places = vec![(0.0, 0.0); self.nodes.len()];
        for (at, members) in columns.iter().enumerate() {
            let used = members.len() as f64 * (BOX.1 + SPACE.1) - SPACE.1;
            let top = (height - 4.0 - used) / 2.0;
            for (row, node) in members.iter().enumerate() {
                places[*node] = (
                    at as f64 * (BOX.0 + SPACE.0),
                    top + row as f64 * (BOX.1 + SPACE.1),
                );
            }
        }
        places
    }
}

fn draw_edge(edge: Edge, places: &[(f64, f64)], out: &mut String) {
    let ((x1, y1), (x2, y2)) = (places[edge.from], places[edge.to]);
    let (x1, y1, y2) = (x1 + BOX.0, y1 + BOX.1 / 2.0, y2 + BOX.1 / 2.0);
    // An edge within a column, or back, leaves on the right and returns there.
    let (x2, bend) = if x2 > x1 - BOX.0 {
        (x2, (x2 - x1) / 2.0)
    } else {
        (x2 + BOX.0, 40.0)
    };
    let entry = if x2 >= x1 { x2 - bend } else { x2 + bend };
    put!(
        out,
        "<path class=\"edge {}\" d=\"M{x1:.1} {y1:.1} C{:.1} {y1:.1} {entry:.1} {y2:.1} {x2:.1} {y2:.1}\"/>",
        edge.style.class(),
        x1 + bend
    );
}

fn draw_node(node: &Node, (x, y): (f64, f64), out: &mut String) {
    if node.title.is_empty() {
        let (middle, end) = (y + BOX.1 / 2.0, x + BOX.0);
        put!(
            out,
            "<path class=\"edge {}\" d=\"M{x:.1} {middle:.1} H{end:.1}\"/>",
            node.style.class()
        );
        return;
    }
    put!(
        out,
        "<g><title>{}</title><rect class=\"node {}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{}\" height=\"{}\" rx=\"6\"/><text class=\"strong\" x=\"{:.1}\" y=\"{:.1}\">{}</text><text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
        Esc(&node.full),
        node.style.class(),
        BOX.0,
        BOX.1,
        x + 9.0,
        y + 18.0,
        Esc(cut(&node.title, 26)),
        x + 9.0,
        y + 34.0,
        Esc(cut(&node.detail, 31))
    );
}
