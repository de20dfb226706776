mod batches;
mod deadlines;
mod histories;
mod reports;
