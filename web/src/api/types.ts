// The shapes of /api/v1, as its OpenAPI document describes them. Decimals travel as text, because a float would lose their last digits;
// `*_ms` are milliseconds; event times are the shop's local clock read as if it were UTC.

export type Cell = string | number | boolean | null;
export type Row = Record<string, Cell>;

export interface Column {
  name: string;
  type: string;
  nullable?: boolean;
}

export interface Project {
  name: string;
  version: string;
  started_at_ms: number;
  timezone: string | null;
  currency: string | null;
  empty: boolean;
  data_dir: string;
  event_time: { min_ms: number; max_ms: number } | null;
  replay: { active: boolean; speed: number | null };
  counts: { sources: number; views: number; queries: number; sinks: number; topics: number };
}

export type Unit = 'money' | 'count';

export interface Tile {
  title: string;
  view: string;
  time_column: string;
  column: string;
  unit: Unit;
  over?: string | null;
  better: 'up' | 'down';
}

export interface Timeline {
  title: string;
  view: string;
  time_column: string;
  value_column: string;
  window_ms: number;
  unit: Unit;
}

export interface Bars {
  title: string;
  view: string;
  label_column: string;
  value_column: string;
  unit: Unit;
  time_column: string | null;
  detail_column: string | null;
}

export interface Feed {
  title: string;
  view: string;
  columns: string[];
  order: string;
  kind: 'good' | 'bad';
}

export interface Dashboard {
  currency: string | null;
  tiles: Tile[];
  timeline: Timeline | null;
  bars: Bars[];
  feeds: Feed[];
}

export interface View {
  name: string;
  materialized: boolean;
  kind: 'upserts' | 'rows' | 'inlined';
  columns: Column[];
  key: string[];
  time_column: string | null;
  window_ms: number | null;
  rows: number | null;
  topic: string | null;
  query: string | null;
  sql: string;
  source_file: string;
  source_line: number;
}

export interface Committed {
  epoch: number;
  watermark_ms: number | null;
  /** The offsets the rows stand at, fit to be sent as `Last-Event-ID`. */
  live_id?: string | null;
}

export interface RowsPage {
  columns: Column[];
  rows: Row[];
  total: number;
  offset: number;
  limit: number;
  committed: Committed;
}

export interface ColumnsPage {
  columns: Column[];
  data: Record<string, Cell[]>;
  total: number;
  offset: number;
  limit: number;
  committed: Committed;
}

export interface LiveRows {
  upserts: (Row & { _key: string })[];
  deletes: string[];
  watermark_ms: number | null;
  event_time_ms: number | null;
}

export type TopicKind = 'source' | 'rows' | 'upserts' | 'dead_letter' | 'late';

export interface Topic {
  name: string;
  kind: TopicKind;
  partitions: { id: number; start: number; end: number; records: number }[];
  records: number;
  bytes: number;
  sealed: boolean;
  schema_id: number | null;
  schema: unknown;
  columns: Column[];
  key: string[] | string | null;
  event_time: string | null;
  retention_ms: number | null;
  retention_bytes: number | null;
  readers: { name: string; behind: number }[];
  writer: string | null;
}

export interface Message {
  partition: number;
  offset: number;
  time_ms: number;
  key: string | null;
  value: Row | null;
  headers: Record<string, string>;
  schema_id: number | null;
  origin: { file: string; line: number } | null;
  size_bytes: number;
}

export interface MessagesPage {
  messages: Message[];
  next: Record<string, string | number> | null;
  scanned: number;
  complete: boolean;
}

export type Phase = 'starting' | 'running' | 'idle' | 'held' | 'done' | 'failed';

export interface Ledger {
  read: number;
  used: number;
  late: number;
  duplicate: number;
  rejected: number;
}

export interface LedgerLine extends Ledger {
  stage: string;
  balances: boolean;
  topics: { used?: string | null; late?: string | null; rejected?: string | null };
}

export interface Query {
  name: string;
  sql: string;
  explain: string[];
  inputs: string[];
  output: string;
  late_topic: string | null;
  dead_letter_topic: string | null;
  emit: 'changes' | 'on_window_close';
  phase: Phase;
  error: string | null;
  note: string | null;
  ledger: Ledger;
  rows_out: number;
  rate_per_s: number;
  epoch: number;
  epoch_ms: number | null;
  watermark_ms: number | null;
  event_time_ms: number | null;
  watermark_lag_ms: number | null;
  behind: number;
  state_rows: number;
  state_bytes: number;
  snapshot_bytes: number;
  stages: { name: string; detail: string }[];
}

export type NodeKind = 'source' | 'topic' | 'query' | 'sink';

export interface PipelineNode {
  id: string;
  kind: NodeKind;
  name: string;
  phase: Phase;
  error: string | null;
  note: string | null;
  rate_per_s: number;
  total: number;
  behind: number;
  watermark_ms: number | null;
  progress: number | null;
  detail: [string, string][];
}

export interface Pipeline {
  nodes: PipelineNode[];
  edges: { from: string; to: string; stalled: boolean }[];
}

export interface ProblemBody {
  type?: string;
  title: string;
  status: number;
  detail?: string;
  instance?: string;
  cure?: string;
}
