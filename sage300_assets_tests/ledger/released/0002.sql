BEGIN TRANSACTION;
CREATE TABLE api_calls (
	sequence INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	system VARCHAR(40) DEFAULT '' NOT NULL, 
	verb VARCHAR(10) DEFAULT '' NOT NULL, 
	address TEXT NOT NULL, 
	status INTEGER NOT NULL, 
	micros BIGINT NOT NULL, 
	attempt INTEGER NOT NULL, 
	problem VARCHAR(255) DEFAULT '' NOT NULL, 
	run VARCHAR(255) DEFAULT '' NOT NULL, 
	company VARCHAR(40) DEFAULT '' NOT NULL, 
	asset VARCHAR(255) DEFAULT '' NOT NULL, 
	partition VARCHAR(255) DEFAULT '' NOT NULL, 
	PRIMARY KEY (sequence)
);
INSERT INTO "api_calls" VALUES(2,'2026-11-20T12:00:00.000000+00:00','sage300','GET','http://host/AP/APVendors',200,1000,1,'','r','','','');
CREATE TABLE approvals (
	id INTEGER NOT NULL, 
	"plan" VARCHAR(255) DEFAULT '' NOT NULL, 
	plan_hash VARCHAR(64) DEFAULT '' NOT NULL, 
	decision VARCHAR(16) DEFAULT '' NOT NULL, 
	who VARCHAR(255) DEFAULT '' NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	note TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE audit_chain (
	sequence INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	content VARCHAR(64) NOT NULL, 
	previous VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (sequence)
);
INSERT INTO "audit_chain" VALUES(1,'event','7c6117045e589dae206529f9fc4938d7aeb0a6deede1fceff81c2bc80561b1cc','e28c13282fcaca2b450b99184239a9f3','ee5b750c54ba982a450db4adf7ac54c256daf97b8fb9589e58ec463ebe15013e');
INSERT INTO "audit_chain" VALUES(2,'call','ec512eb880ff53178fa7b4e2d5bffab3f94149431959f2217fe4fe1c08419c22','ee5b750c54ba982a450db4adf7ac54c256daf97b8fb9589e58ec463ebe15013e','d6aec48cb7779b320a8643b703222392347faa579f2bcb88e21cbbccaf46ba88');
INSERT INTO "audit_chain" VALUES(3,'event','e2054c68ed66901d4e1ee0506b71e9d9b37ae546b8bb6cca04026d6ee8aae30f','d6aec48cb7779b320a8643b703222392347faa579f2bcb88e21cbbccaf46ba88','aa4af9697b8fe455dcd0cd10ec4ee353bb18c1a9d823134304780968a94a9895');
CREATE TABLE audit_events (
	sequence INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	action VARCHAR(60) DEFAULT '' NOT NULL, 
	subject TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	who VARCHAR(255) DEFAULT '' NOT NULL, 
	run VARCHAR(255) DEFAULT '' NOT NULL, 
	PRIMARY KEY (sequence)
);
INSERT INTO "audit_events" VALUES(1,'2026-11-25T20:01:38.679585+00:00','ledger begun','e28c13282fcaca2b450b99184239a9f3','tables of version 0002','','');
INSERT INTO "audit_events" VALUES(3,'2026-11-20T12:00:00.000000+00:00','released','0002','','','');
CREATE TABLE audit_head (
	id INTEGER NOT NULL, 
	ledger VARCHAR(32) NOT NULL, 
	sequence INTEGER NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	created_at VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "audit_head" VALUES(1,'e28c13282fcaca2b450b99184239a9f3',3,'aa4af9697b8fe455dcd0cd10ec4ee353bb18c1a9d823134304780968a94a9895','2026-11-25T20:01:38.679585+00:00');
CREATE TABLE cursors (
	name VARCHAR(255) NOT NULL, 
	value TEXT NOT NULL, 
	updated_at VARCHAR(32) NOT NULL, 
	run VARCHAR(255) DEFAULT '' NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE dead_letters (
	id INTEGER NOT NULL, 
	item INTEGER NOT NULL, 
	problem_class VARCHAR(40) DEFAULT '' NOT NULL, 
	code VARCHAR(120) DEFAULT '' NOT NULL, 
	message TEXT NOT NULL, 
	cure TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	first_at VARCHAR(32) NOT NULL, 
	last_at VARCHAR(32) NOT NULL, 
	attempts INTEGER NOT NULL, 
	resolved_at VARCHAR(32), 
	resolution VARCHAR(16) DEFAULT '' NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	who VARCHAR(255) DEFAULT '' NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(item) REFERENCES outbox (id) ON DELETE CASCADE, 
	UNIQUE (item)
);
CREATE TABLE deliveries (
	id INTEGER NOT NULL, 
	"plan" VARCHAR(255) DEFAULT '' NOT NULL, 
	company VARCHAR(40) DEFAULT '' NOT NULL, 
	flow VARCHAR(120) DEFAULT '' NOT NULL, 
	target VARCHAR(120) DEFAULT '' NOT NULL, 
	content_hash VARCHAR(64) DEFAULT '' NOT NULL, 
	run VARCHAR(255) DEFAULT '' NOT NULL, 
	state VARCHAR(16) DEFAULT '' NOT NULL, 
	started_at VARCHAR(32) NOT NULL, 
	ended_at VARCHAR(32), 
	figures TEXT DEFAULT '{}' NOT NULL, 
	note TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE ledger_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT ledger_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "ledger_version" VALUES('0002');
CREATE TABLE mapping_gaps (
	id INTEGER NOT NULL, 
	domain VARCHAR(120) DEFAULT '' NOT NULL, 
	company VARCHAR(40) DEFAULT '' NOT NULL, 
	from_system VARCHAR(40) DEFAULT '' NOT NULL, 
	from_code VARCHAR(255) DEFAULT '' NOT NULL, 
	to_system VARCHAR(40) DEFAULT '' NOT NULL, 
	state VARCHAR(16) DEFAULT '' NOT NULL, 
	first_seen VARCHAR(32) NOT NULL, 
	last_seen VARCHAR(32) NOT NULL, 
	count BIGINT NOT NULL, 
	sample TEXT NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT mapping_gaps_code UNIQUE (domain, company, from_system, from_code, to_system)
);
CREATE TABLE outbox (
	id INTEGER NOT NULL, 
	company VARCHAR(40) DEFAULT '' NOT NULL, 
	flow VARCHAR(120) DEFAULT '' NOT NULL, 
	target VARCHAR(120) DEFAULT '' NOT NULL, 
	record TEXT NOT NULL, 
	operation VARCHAR(40) DEFAULT '' NOT NULL, 
	payload TEXT NOT NULL, 
	payload_hash VARCHAR(64) DEFAULT '' NOT NULL, 
	generation INTEGER DEFAULT '0' NOT NULL, 
	idempotency_key VARCHAR(64) NOT NULL, 
	"plan" VARCHAR(255) DEFAULT '' NOT NULL, 
	state VARCHAR(16) DEFAULT '' NOT NULL, 
	not_before VARCHAR(32) NOT NULL, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	worker VARCHAR(255) DEFAULT '' NOT NULL, 
	fence BIGINT DEFAULT '0' NOT NULL, 
	lease_until VARCHAR(32), 
	ask_first BOOLEAN NOT NULL, 
	problem_class VARCHAR(40) DEFAULT '' NOT NULL, 
	problem_code VARCHAR(120) DEFAULT '' NOT NULL, 
	problem TEXT DEFAULT '' NOT NULL, 
	answer TEXT DEFAULT '' NOT NULL, 
	external_id TEXT DEFAULT '' NOT NULL, 
	created_at VARCHAR(32) NOT NULL, 
	created_run VARCHAR(255) DEFAULT '' NOT NULL, 
	updated_at VARCHAR(32) NOT NULL, sent_at VARCHAR(32), 
	PRIMARY KEY (id), 
	UNIQUE (idempotency_key)
);
INSERT INTO "outbox" VALUES(1,'C','f','t','a/b/1','create','{"v":1}','afbf9d0f3560b0fd7795e81c42a0a79ee6b6fc67e064f77826aee642cad28d91',0,'366e496fd58462d1c0f65b7daf1c0f1e9e1e6378fa056d402b7ca7c03ebd1ce7','','intended','2026-11-20T12:00:00.000000+00:00',1,'w',1,'2026-11-20T12:01:00.000000+00:00',1,'','','','','','2026-11-20T12:00:00.000000+00:00','','2026-11-20T12:00:00.000000+00:00','2026-11-20T12:00:00.000000+00:00');
CREATE TABLE outbox_waits (
	item INTEGER NOT NULL, 
	waits_for VARCHAR(255) NOT NULL, 
	PRIMARY KEY (item, waits_for), 
	FOREIGN KEY(item) REFERENCES outbox (id) ON DELETE CASCADE
);
CREATE TABLE page_reads (
	sequence INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	company VARCHAR(40) DEFAULT '' NOT NULL, 
	asset VARCHAR(255) DEFAULT '' NOT NULL, 
	read VARCHAR(80) DEFAULT '' NOT NULL, 
	window TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	rows BIGINT, 
	sha256 VARCHAR(64) NOT NULL, 
	run VARCHAR(255) DEFAULT '' NOT NULL, 
	PRIMARY KEY (sequence)
);
CREATE TABLE records_sent (
	sequence INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	company VARCHAR(40) DEFAULT '' NOT NULL, 
	flow VARCHAR(120) DEFAULT '' NOT NULL, 
	target VARCHAR(120) DEFAULT '' NOT NULL, 
	record TEXT NOT NULL, 
	operation VARCHAR(40) DEFAULT '' NOT NULL, 
	idempotency_key VARCHAR(64) DEFAULT '' NOT NULL, 
	payload_hash VARCHAR(64) DEFAULT '' NOT NULL, 
	outcome VARCHAR(16) DEFAULT '' NOT NULL, 
	attempt INTEGER NOT NULL, 
	answer TEXT NOT NULL, 
	external_id TEXT NOT NULL, 
	run VARCHAR(255) DEFAULT '' NOT NULL, 
	PRIMARY KEY (sequence)
);
CREATE TABLE runs (
	run VARCHAR(255) NOT NULL, 
	how VARCHAR(40) DEFAULT '' NOT NULL, 
	host VARCHAR(255) DEFAULT '' NOT NULL, 
	started_at VARCHAR(32) NOT NULL, 
	ended_at VARCHAR(32), 
	reads INTEGER DEFAULT '0' NOT NULL, 
	failures INTEGER DEFAULT '0' NOT NULL, 
	rows BIGINT DEFAULT '0' NOT NULL, 
	problem TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (run)
);
CREATE TABLE xref (
	id INTEGER NOT NULL, 
	entity VARCHAR(120) DEFAULT '' NOT NULL, 
	company VARCHAR(40) DEFAULT '' NOT NULL, 
	system_a VARCHAR(40) DEFAULT '' NOT NULL, 
	id_a VARCHAR(400) NOT NULL, 
	system_b VARCHAR(40) DEFAULT '' NOT NULL, 
	id_b VARCHAR(400) NOT NULL, 
	state VARCHAR(16) DEFAULT '' NOT NULL, 
	first_linked_at VARCHAR(32) NOT NULL, 
	updated_at VARCHAR(32) NOT NULL, 
	linked_by VARCHAR(255) DEFAULT '' NOT NULL, 
	version_a VARCHAR(255) DEFAULT '' NOT NULL, 
	version_b VARCHAR(255) DEFAULT '' NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT xref_a UNIQUE (entity, system_a, company, id_a, system_b), 
	CONSTRAINT xref_b UNIQUE (entity, system_b, id_b, system_a, company)
);
CREATE INDEX api_calls_at ON api_calls (at);
CREATE INDEX approvals_plan ON approvals ("plan", id);
CREATE INDEX audit_events_action ON audit_events (action, sequence);
CREATE INDEX deliveries_flow ON deliveries (company, flow, target, id);
CREATE INDEX deliveries_plan ON deliveries ("plan");
CREATE INDEX outbox_flow ON outbox (flow, company, state);
CREATE INDEX outbox_plan ON outbox ("plan");
CREATE INDEX outbox_record ON outbox (company, flow, record);
CREATE INDEX outbox_state ON outbox (state, not_before);
CREATE INDEX page_reads_sha256 ON page_reads (sha256);
CREATE INDEX records_sent_record ON records_sent (company, record);
CREATE INDEX dead_letters_open ON dead_letters (resolved_at, problem_class);
CREATE INDEX outbox_waits_for ON outbox_waits (waits_for);
COMMIT;
