use serde::Serialize;

use crate::Time;

/// A stretch of states without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// The first state.
    pub first: Time,
    /// The last state.
    pub last: Time,
    /// Number of states.
    pub n_states: usize,
}

impl Piece {
    /// The stretches of ascending times; a distance above `step_hours` is a gap.
    pub(super) fn of(times: &[Time], step_hours: i64) -> Vec<Self> {
        let mut pieces: Vec<Self> = Vec::new();
        for &time in times {
            match pieces.last_mut() {
                Some(piece) if time.hours_since(piece.last) <= step_hours => {
                    piece.last = time;
                    piece.n_states += 1;
                }
                _ => pieces.push(Self {
                    first: time,
                    last: time,
                    n_states: 1,
                }),
            }
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_part_a_record() {
        let times: Vec<Time> = [0, 6, 12, 24, 30].map(|h| Time(3600 * h)).to_vec();
        let pieces = Piece::of(&times, 6);
        assert_eq!(pieces.len(), 2);
        assert_eq!((pieces[0].n_states, pieces[0].last), (3, times[2]));
        assert_eq!((pieces[1].n_states, pieces[1].first), (2, times[3]));
        assert!(Piece::of(&[], 6).is_empty());
    }
}
