-- What is asked for by the time at which it happened (the schema `ask`) is found by it.
CREATE INDEX report_by_time ON report (counted_at);
CREATE INDEX hit_amendment_by_time ON hit_amendment (counted_at);
CREATE INDEX evidence_by_time ON evidence (counted_at);
CREATE INDEX evidence_unavailable_by_time ON evidence_unavailable (counted_at);
CREATE INDEX acceptance_by_time ON acceptance (counted_at);
