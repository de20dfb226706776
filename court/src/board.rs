//! A board: the game between two accounts about what one of them reported of a shard.
//!
//! ```text
//!  trees   the target opens four levels of its tree, then the other its own: on to the first child that differs, again
//!          (an outsider that has no tree names a task and an outcome, and the target opens the way there)
//!  leaf    the target opens the task's outcome; the chain computes the first state
//!  steps   both claim roots of states in turns, until one step is left: who is to move proves it
//! ```
//!
//! Moves that are none are refused and change nothing; who has no move loses by its clock, which is [`crate::clock`]'s. So a
//! party is out by a step only, and a party that plays what it computed never is. A board removes one of two; it says
//! nothing about the other's report.

pub use millrace_judge::game::Side;

use crate::sums::{above, Claim, Span, MAX_NODES};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use millrace_judge::{
	game::{Game, Illegal as NoStep, Range, MAX_POINTS},
	VERSION,
};
use millrace_primitives::{
	machine::{Blake2, Limits},
	matter::MAX_INPUT_PROOF,
	merkle::SumNode,
	Blob, Gas, Hash, Outcome, Report,
};
use scale_info::TypeInfo;
use sp_runtime::{traits::ConstU32, BoundedVec};

/// The longest witness of a step that is looked at, in bytes.
pub const MAX_WITNESS: u32 = 8 * 1024;

/// Nodes of a tree that are shown at once.
pub type Nodes = BoundedVec<SumNode, ConstU32<MAX_NODES>>;
/// Roots of states that are claimed at once.
pub type Claims = BoundedVec<Hash, ConstU32<{ MAX_POINTS as u32 }>>;
/// The hashes that prove an input's place in its job's list: [`millrace_primitives::merkle::prove_range`] of it alone.
pub type InputProof = BoundedVec<Hash, ConstU32<{ MAX_INPUT_PROOF }>>;
/// The proof of a step.
pub type Witness = BoundedVec<u8, ConstU32<MAX_WITNESS>>;

/// What is played about: the same for all boards of a shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Subject {
	/// The machine's version, which the board keeps whatever the chain has later.
	pub engine: u8,
	/// Tasks of the shard; above 0.
	pub tasks: u32,
	/// What each of them may use.
	pub limits: Limits,
}

/// What the target says of the task at which the two part.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Opening {
	/// Its outcome, whose leaf the target has shown.
	pub outcome: Outcome,
	/// The roots of states at the points of the whole run.
	pub claims: Claims,
	/// The task's input.
	pub input: Blob,
	/// That it is the input of this task.
	pub proof: InputProof,
}

/// A move.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Move {
	/// The nodes of the party's own tree below the one that is looked at: [`Span::below`] it, from left to right.
	Open(Nodes),
	/// The target's outcome of the task, and how its run begins and goes on.
	Leaf(Opening),
	/// The first part at whose end the other claims another root, and the party's own roots at the points of that part.
	Divide(u8, Claims),
	/// The same of a part that is one step, and the proof of it.
	Prove(u8, Witness),
}

/// Why a move is none. It changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Illegal {
	/// Another kind of move is to be made.
	Kind,
	/// The nodes are not those below the one that was claimed, or claim more gas than tasks may use.
	Nodes,
	/// Nodes differ, and what is below them does not. No two trees are like that.
	Same,
	/// The outcome is not the one that was claimed, or is beyond the limits of a task.
	Outcome,
	/// The task has no first state, or what was said of its input is wrong.
	Start,
	/// It is no move between states.
	Step(NoStep),
}

impl From<NoStep> for Illegal {
	fn from(error: NoStep) -> Self {
		Self::Step(error)
	}
}

/// What comes of a move.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
	/// The board goes on.
	Goes(Board),
	/// It is decided: this party is out, by a step or by naming as wrong what it claims itself.
	Out(Side),
}

/// How far a board is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
enum At {
	/// Two trees differ below here; the target is to open its own.
	Trees { span: Span, target: Claim, other: Claim },
	/// The target has opened its own; the other is to open its own.
	Shown { span: Span, target: Nodes, other: Claim },
	/// One tree, on the way to a task whose leaf the other says is another one; the target is to open it.
	Way {
		span: Span,
		target: Claim,
		task: u32,
		other: SumNode,
	},
	/// A task, and the larger of the two claims of its gas; the target is to open its outcome.
	Leaf { task: u32, gas: Gas, target: Claim },
	/// The steps of a task.
	Steps { task: u32, gas: Gas, game: Game },
}

/// What somebody without a seat says of a shard, instead of what a seat reported.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Accusation {
	/// A task, counted from the shard's first, comes to this.
	Outcome {
		/// The task.
		task: u32,
		/// What it comes to.
		outcome: Outcome,
	},
	/// The shard comes to this: of whoever computed all of it, and need not know which task was reported wrongly, which a seat
	/// need not show to anybody but a board.
	Report(Report),
}

/// A board. The target is the first party.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Board {
	subject: Subject,
	at: At,
}

impl Board {
	/// A board between two that reported different things of the shard. `None` if they reported the same, one of them claims more
	/// gas than the tasks may use, by which it would have any time to replay it, or this version of the machine is not judged.
	pub fn between(subject: Subject, target: Report, other: Report) -> Option<Self> {
		let most = subject.limits.gas.saturating_mul(subject.whole().len.into());
		if target.gas_used.max(other.gas_used) > most {
			return None;
		}
		let [target, other] = [target, other].map(Claim::Report);
		let at = descend(subject.whole(), target, other);
		(target != other && subject.is_playable()).then_some(Self { subject, at })
	}

	/// A board against a report, by somebody with another outcome of one task: [`Board::at_task`].
	pub fn against(subject: Subject, target: Report, task: u32, outcome: &Outcome) -> Option<Self> {
		Self::at_task(subject, Claim::Report(target), task, SumNode::leaf(outcome))
	}

	/// A board between the target's report, or the leaf of a task that it has shown, and another leaf of the same task. `None` if
	/// there is no such task, the target has this leaf already or it claims more gas than a task may use, or this version of
	/// the machine is not judged.
	pub fn at_task(subject: Subject, target: Claim, task: u32, other: SumNode) -> Option<Self> {
		let whole = subject.whole();
		let span = match target {
			Claim::Report(_) => whole,
			Claim::Node(_) => Span { first: task, len: 1 },
		};
		if !subject.is_playable()
			|| !whole.contains(task)
			|| other.gas > subject.limits.gas
			|| target.is(&other, span.len)
		{
			return None;
		}
		let at = match span.len {
			1 => At::Leaf {
				task,
				gas: target.gas().max(other.gas),
				target,
			},
			_ => At::Way {
				span,
				target,
				task,
				other,
			},
		};
		Some(Self { subject, at })
	}

	/// Who moves next.
	pub const fn turn(&self) -> Side {
		match &self.at {
			At::Trees { .. } | At::Way { .. } | At::Leaf { .. } => Side::First,
			At::Shown { .. } => Side::Second,
			At::Steps { game, .. } => game.turn(),
		}
	}

	/// What is played about.
	pub const fn subject(&self) -> &Subject {
		&self.subject
	}

	/// The node of the mover's own tree that it is to open, by the tasks below it.
	pub const fn to_open(&self) -> Option<Span> {
		match &self.at {
			At::Trees { span, .. } | At::Shown { span, .. } | At::Way { span, .. } => Some(*span),
			At::Leaf { .. } | At::Steps { .. } => None,
		}
	}

	/// The task at which the two part, once it is known.
	pub const fn task(&self) -> Option<u32> {
		match &self.at {
			At::Leaf { task, .. } | At::Steps { task, .. } => Some(*task),
			_ => None,
		}
	}

	/// The larger of the two claims of that task's gas: what replaying it takes, whoever is right.
	pub const fn gas(&self) -> Option<Gas> {
		match &self.at {
			At::Leaf { gas, .. } | At::Steps { gas, .. } => Some(*gas),
			_ => None,
		}
	}

	/// The game between states, once its first move is made.
	pub const fn game(&self) -> Option<&Game> {
		match &self.at {
			At::Steps { game, .. } => Some(game),
			_ => None,
		}
	}

	/// The whole run of a task, which the target divides together with opening its outcome.
	pub const fn run(&self) -> Range {
		Range::whole(&self.subject.limits)
	}

	/// Makes a move of the party whose turn it is. `start` is asked for the root of a task's first state, at most once: of
	/// which task, with which input and which proof that it is this task's, as [`millrace_primitives::Matter::start`].
	///
	/// # Errors
	/// See [`Illegal`]; the board stays as it was.
	pub fn play(
		&self,
		action: &Move,
		start: impl FnOnce(u32, &Blob, &[Hash]) -> Option<Hash>,
	) -> Result<Next, Illegal> {
		match (action, &self.at) {
			(Move::Open(nodes), at) => self.open(nodes, at),
			(Move::Leaf(opening), At::Leaf { task, gas, target }) => {
				let Opening {
					outcome,
					claims,
					input,
					proof,
				} = opening;
				let limits = &self.subject.limits;
				let within = outcome.gas_used <= limits.gas && outcome.output.len <= limits.output;
				if !within || !target.is(&SumNode::leaf(outcome), 1) {
					return Err(Illegal::Outcome);
				}
				let start = start(*task, input, proof).ok_or(Illegal::Start)?;
				let end = outcome.root::<Blake2>();
				let game = Game::new(self.subject.engine, self.run(), start.0, end);
				Ok(self.steps(*task, *gas, game.divide(0, &plain(claims))?))
			}
			(Move::Divide(part, claims), At::Steps { task, gas, game }) => {
				Ok(self.steps(*task, *gas, game.divide(*part, &plain(claims))?))
			}
			(Move::Prove(part, witness), At::Steps { game, .. }) => {
				Ok(Next::Out(game.prove::<Blake2>(*part, witness)?.other()))
			}
			_ => Err(Illegal::Kind),
		}
	}

	fn open(&self, nodes: &Nodes, at: &At) -> Result<Next, Illegal> {
		let check = |span: &Span, claim: &Claim| {
			above(*span, nodes, self.subject.limits.gas)
				.filter(|top| claim.is(top, span.len))
				.ok_or(Illegal::Nodes)
		};
		let at = match at {
			At::Trees { span, target, other } => {
				check(span, target)?;
				At::Shown {
					span: *span,
					target: nodes.clone(),
					other: *other,
				}
			}
			At::Shown { span, target, other } => {
				check(span, other)?;
				let mut pairs = span.below().into_iter().zip(target.iter().zip(nodes));
				let (span, (target, other)) = pairs
					.find(|(_, (target, other))| target != other)
					.ok_or(Illegal::Same)?;
				descend(span, Claim::Node(*target), Claim::Node(*other))
			}
			At::Way {
				span,
				target,
				task,
				other,
			} => {
				check(span, target)?;
				let (span, node) = span
					.below()
					.into_iter()
					.zip(nodes)
					.find(|(span, _)| span.contains(*task))
					.ok_or(Illegal::Nodes)?;
				match span.len {
					1 if node == other => return Ok(Next::Out(Side::Second)),
					1 => At::Leaf {
						task: *task,
						gas: node.gas.max(other.gas),
						target: Claim::Node(*node),
					},
					_ => At::Way {
						span,
						target: Claim::Node(*node),
						task: *task,
						other: *other,
					},
				}
			}
			At::Leaf { .. } | At::Steps { .. } => return Err(Illegal::Kind),
		};
		Ok(self.goes(at))
	}

	fn steps(&self, task: u32, gas: Gas, game: Game) -> Next {
		self.goes(At::Steps { task, gas, game })
	}

	fn goes(&self, at: At) -> Next {
		Next::Goes(Self {
			subject: self.subject,
			at,
		})
	}
}

/// Whether steps of a version of the machine can be judged here.
pub const fn is_judged(engine: u8) -> bool {
	engine == VERSION
}

impl Subject {
	/// Whether steps of it can be judged, and there are any.
	const fn is_playable(&self) -> bool {
		is_judged(self.engine) && self.tasks > 0
	}

	/// All tasks.
	const fn whole(&self) -> Span {
		Span {
			first: 0,
			len: self.tasks,
		}
	}
}

/// Two claims of the same tasks differ: what is to be opened of them.
fn descend(span: Span, target: Claim, other: Claim) -> At {
	match span.len {
		1 => At::Leaf {
			task: span.first,
			gas: target.gas().max(other.gas()),
			target,
		},
		_ => At::Trees { span, target, other },
	}
}

fn plain(claims: &Claims) -> Vec<[u8; 32]> {
	claims.iter().map(|claim| claim.0).collect()
}
