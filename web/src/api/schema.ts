// The shapes of /api/v1, written by scripts/schema.mjs from docs/openapi.json: `npm run schema` writes them anew, `npm run check` tells when
// they are old. What the document leaves open is told in types.ts.

/** An answer. */
export interface Answer {
  columns: ColumnHead[];
  elapsed_ms: number;
  rows: Cell[][];
  truncated: boolean;
}

/** A sum by label, greatest first. */
export interface Bars {
  detail_column: string | null;
  label_column: string;
  time_column: string | null;
  title: string;
  unit: Unit;
  value_column: string;
  view: string;
}

/** Which direction is good news. */
export type Better = 'up' | 'down';

/** One value: text (a DECIMAL, a time, a BIGINT beyond 2^53), a number, true or false, or null. */
export type Cell = string | number | boolean | null;

/** A column. */
export interface Column {
  name: string;
  nullable: boolean;
  type: string;
}

/** A column of an answer. */
export interface ColumnHead {
  name: string;
  type: string;
}

/** What the rows are the result of. */
export interface Committed {
  complete: boolean;
  epoch: number;
  live_id: string | null;
  watermark_ms: number | null;
}

/** How much of everything there is. */
export interface Counts {
  queries: number;
  sinks: number;
  sources: number;
  topics: number;
  views: number;
}

/** The first page. */
export interface Dashboard {
  bars: Bars[];
  currency: string | null;
  feeds: Feed[];
  tiles: Tile[];
  timeline: Timeline | null;
}

/** Something flows from one node to another. */
export interface Edge {
  from: string;
  stalled: boolean;
  to: string;
}

/** When a query's rows come. */
export type Emit = 'changes' | 'on_window_close';

/** A range of event time, both ends included. */
export interface EventTime {
  max_ms: number;
  min_ms: number;
}

/** The latest rows of a view. */
export interface Feed {
  columns: string[];
  kind: FeedKind;
  order: string;
  title: string;
  view: string;
}

/** Whether a feed's rows are good news. */
export type FeedKind = 'good' | 'bad';

/** A group. */
export interface Group {
  lag: number | null;
  members: GroupMember[];
  name: string;
  partitions: GroupPartition[];
  protocol: string;
  state: string;
  uncommitted: number;
}

/** A group in a list. */
export interface GroupLine {
  lag: number | null;
  members: number;
  name: string;
  protocol: string;
  state: string;
  topics: string[];
  uncommitted: number;
}

/** A member of a group. */
export interface GroupMember {
  client: string;
  host: string;
  id: string;
  instance: string | null;
  partitions: number;
}

/** What seeking does to a group in one partition. */
export interface GroupMove {
  end: number;
  from: number | null;
  partition: number;
  start: number;
  to: number;
  topic: string;
}

/** What seeking does to a group. */
export interface GroupMoves {
  applied: boolean;
  group: string;
  moves: GroupMove[];
}

/** A partition that a group reads. */
export interface GroupPartition {
  committed: number | null;
  end: number | null;
  lag: number | null;
  member: string | null;
  partition: number;
  topic: string;
}

/** Where a group shall go on. */
export interface GroupSeek {
  apply?: boolean;
  partition?: number | null;
  to: string;
  topics?: string[];
}

/** How the stages are. */
export interface Health {
  problems: HealthProblem[];
  ready: boolean;
  status: HealthStatus;
}

/** What is wrong with one stage. */
export interface HealthProblem {
  message: string;
  stage: string;
  status: HealthStatus;
}

/** How a stage is, or the worst of all. */
export type HealthStatus = 'ok' | 'degraded' | 'failed';

/** Where every row went. `read = used + late + duplicate + rejected`, at every commit. */
export interface Ledger {
  duplicate: number;
  late: number;
  read: number;
  rejected: number;
  used: number;
}

/** Where the rows of one stage went: `read = used + late + duplicate + rejected`. */
export interface LedgerLine {
  balances: boolean;
  duplicate: number;
  late: number;
  read: number;
  rejected: number;
  stage: string;
  topics: LedgerTopics;
  used: number;
}

/** The topics that hold the rows of a line of the ledger. */
export interface LedgerTopics {
  late: string | null;
  rejected: string | null;
  used: string | null;
}

/** A record of a topic, decoded. */
export interface Message {
  headers: Record<string, string>;
  key: string | null;
  offset: number;
  origin: MessageOrigin | null;
  partition: number;
  schema_id: number | null;
  size_bytes: number;
  time_ms: number;
  value: RecordValue;
}

/** What records are packed with. */
export type MessageCompression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** Where a record was read from. */
export interface MessageOrigin {
  file: string;
  line: number;
}

/** What a `messages` event says. */
export interface MessagesEvent {
  messages: Message[];
  skipped: number;
}

/** Some messages of a topic. */
export interface MessagesPage {
  complete: boolean;
  messages: Message[];
  next: Row | null;
  scanned: number;
}

/** A field that the newest records of a topic do not have. */
export interface MissingField {
  cure: string;
  name: string;
  records: number;
}

/** A record to be written. Its time is that of the append. */
export interface NewMessage {
  headers?: Record<string, string>;
  key?: string | null;
  value: string | null;
}

/** Records to be written. */
export interface NewMessages {
  compression?: MessageCompression;
  partition?: number | null;
  records: NewMessage[];
}

/** A topic to be made. */
export interface NewTopic {
  configs?: Record<string, string>;
  name: string;
  partitions?: number | null;
}

/** A stage or a topic. */
export interface Node {
  behind: number;
  detail: string[][];
  error: string | null;
  id: string;
  kind: NodeKind;
  name: string;
  note: string | null;
  phase: Phase;
  progress: number | null;
  rate_per_s: number;
  total: number;
  watermark_ms: number | null;
}

/** What a node is. */
export type NodeKind = 'source' | 'topic' | 'query' | 'sink';

/** A partition. */
export interface Partition {
  end: number;
  id: number;
  idle: boolean;
  records: number;
  start: number;
}

/** What a stage is doing. */
export type Phase = 'starting' | 'running' | 'idle' | 'held' | 'done' | 'failed';

/** All stages and topics, and what flows between them. */
export interface Pipeline {
  edges: Edge[];
  nodes: Node[];
}

/** A problem document (RFC 9457). */
export interface Problem {
  column?: number;
  cure?: string;
  detail: string;
  instance: string;
  line?: number;
  record?: number;
  status: number;
  title: string;
  type: string;
}

/** What runs here. */
export interface Project {
  counts: Counts;
  currency: string | null;
  data_dir: string;
  empty: boolean;
  event_time: EventTime | null;
  name: string;
  replay: Replay;
  started_at_ms: number;
  timezone: string | null;
  version: string;
}

/** A query that runs. */
export interface Query {
  behind: number;
  dead_letter_topic: string | null;
  emit: Emit;
  epoch: number;
  epoch_ms: number;
  error: string | null;
  event_time_ms: number | null;
  explain: string[];
  inputs: string[];
  lag_ms: number | null;
  late_topic: string | null;
  ledger: Ledger;
  name: string;
  note: string | null;
  output: string;
  phase: Phase;
  rate_per_s: number;
  rows_out: number;
  snapshot_bytes: number;
  sql: string;
  stages: QueryStage[];
  state_bytes: number;
  state_rows: number;
  watermark_lag_ms: number | null;
  watermark_ms: number | null;
}

/** An operator of a query. */
export interface QueryStage {
  detail: string;
  name: string;
}

/** A question. */
export interface Question {
  limit?: number | null;
  sql: string;
}

/** Somebody who reads a topic. */
export interface Reader {
  behind: number;
  name: string;
  phase: Phase;
  position: number | null;
}

/** A row: values by the names of their columns. Or what clients of Kafka have written: JSON, a text, or {"bytes": 5, "base64": "…"} of what is neither. */
export type RecordValue = object | unknown[] | string | number | boolean | null;

/** How fast event time passes while a source reads what lies in the past. */
export interface Replay {
  active: boolean;
  speed: number | null;
}

/** Values by the names of their columns. */
export type Row = Record<string, Cell>;

/** What a `rows` event says. */
export interface RowsEvent {
  deletes: string[];
  event_time_ms: number | null;
  upserts: Row[];
  watermark_ms: number | null;
}

/** A page of rows. */
export interface RowsPage {
  columns: ColumnHead[];
  committed: Committed;
  data?: Record<string, Cell[]>;
  limit: number;
  offset: number;
  rows?: Row[];
  total: number;
}

/** What the events of a search say, by their names. */
export type SearchEvents = object;

/** How far a search has come. */
export interface SearchProgress {
  blocks_damaged: number;
  blocks_read: number;
  blocks_skipped: number;
  bytes_read: number;
  bytes_skipped: number;
  bytes_total: number;
  filter_bytes: number;
  matches: number;
  missing_field: MissingField | null;
  records: number;
  state: SearchState;
}

/** Whether a search goes on. */
export type SearchState = 'running' | 'complete' | 'full';

/** Sums by group. */
export interface Summary {
  columns: ColumnHead[];
  rows: Row[];
}

/** One figure: the sum of a column over the windows of the range shown, or the quotient of two such sums. */
export interface Tile {
  better: Better;
  column: string;
  over?: string;
  time_column: string;
  title: string;
  unit: Unit;
  view: string;
}

/** A column over time. */
export interface Timeline {
  time_column: string;
  title: string;
  unit: Unit;
  value_column: string;
  view: string;
  window_ms: number;
}

/** A topic of the log. */
export interface Topic {
  bytes: number;
  columns: Column[];
  configs: Record<string, string>;
  event_time: string | null;
  key: string[] | null;
  kind: TopicKind;
  name: string;
  partitions: Partition[];
  readers: Reader[];
  records: number;
  retention_bytes: number | null;
  retention_ms: number | null;
  schema: object;
  schema_id: number;
  sealed: boolean;
  writer: string;
}

/** What is to become of a topic. */
export interface TopicChange {
  configs?: Record<string, string | null>;
  partitions?: number | null;
}

/** What a topic holds. */
export type TopicKind = 'source' | 'rows' | 'upserts' | 'dead_letter' | 'late' | 'clients';

/** How a figure is written. */
export type Unit = 'money' | 'count';

/** A view of the project. */
export interface View {
  columns: Column[];
  key: string[];
  kind: ViewKind;
  materialized: boolean;
  name: string;
  query: string | null;
  rows: number | null;
  source_file: string;
  source_line: number;
  sql: string;
  time_column: string | null;
  topic: string | null;
  window_ms: number | null;
}

/** How the rows of a view behave. */
export type ViewKind = 'upserts' | 'rows' | 'inlined';

/** Records that are in the log. */
export interface Written {
  partitions: WrittenPartition[];
  records: number;
}

/** Where records of a partition are. */
export interface WrittenPartition {
  first: number;
  last: number;
  partition: number;
  records: number;
}
