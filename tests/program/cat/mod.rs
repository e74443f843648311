//! `cat`: the real program against the real origin, and against servers that do exactly what a test says.

mod answers;
mod endings;
mod options;
mod output;
mod reconnect;
