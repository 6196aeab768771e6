// The shapes of /api/v1 as the pages use them: those of its OpenAPI document, and more precise where the document leaves something open.
// Decimals travel as text, because a float would lose their last digits; `*_ms` are milliseconds; event times are the shop's local clock
// read as if it were UTC.

import type * as schema from './schema';

/** Where there is nothing the program writes null rather than leaving the field out; tests/e2e/answers.test.ts holds it to that. */
type Whole<T> = T extends readonly (infer One)[] ? Whole<One>[] : T extends object ? { [Name in keyof T]-?: Whole<T[Name]> } : T;
type Precise<T, Fields> = Omit<Whole<T>, keyof Fields> & Fields;

export type Cell = string | number | boolean | null;
export type Row = Record<string, Cell>;

/** A column of a view or topic, or of an answer, which does not say whether it may be NULL. */
export type Column = schema.ColumnHead & Partial<schema.Column>;

export type Project = Whole<schema.Project>;

export type Unit = schema.Unit;
export type Tile = schema.Tile;
export type Timeline = schema.Timeline;
export type Bars = Whole<schema.Bars>;
export type Feed = schema.Feed;
export type Dashboard = Precise<schema.Dashboard, { tiles: Tile[] }>;

export type View = Whole<schema.View>;

interface Page {
  columns: Column[];
  total: number;
  offset: number;
  limit: number;
  committed: Whole<schema.Committed>;
}
/** Of the two forms of rows an answer has the one that was asked for. */
export type RowsPage = Page & { rows: Row[] };
export type ColumnsPage = Page & { data: Record<string, Cell[]> };
export type Summary = Precise<schema.Summary, { rows: Row[] }>;
export type LiveRows = Precise<schema.RowsEvent, { upserts: (Row & { _key: string })[] }>;

export type TopicKind = 'source' | 'rows' | 'upserts' | 'dead_letter' | 'late';
export type Topic = Precise<schema.Topic, { kind: TopicKind; schema: unknown }>;
export type Message = Precise<schema.Message, { value: Row | null }>;
export type MessagesPage = Precise<schema.MessagesPage, { messages: Message[]; next: Record<string, string | number> | null }>;
export type LiveMessages = Precise<schema.MessagesEvent, { messages: Message[] }>;

export type Phase = 'starting' | 'running' | 'idle' | 'held' | 'done' | 'failed';

export type LedgerLine = Whole<schema.LedgerLine>;
export type Ledger = Pick<LedgerLine, 'read' | 'used' | 'late' | 'duplicate' | 'rejected'>;

export type Query = Precise<schema.Query, { emit: 'changes' | 'on_window_close'; phase: Phase; ledger: Ledger }>;

export type NodeKind = schema.NodeKind;
export type PipelineNode = Precise<schema.Node, { phase: Phase; detail: [string, string][] }>;
export type Pipeline = Precise<schema.Pipeline, { nodes: PipelineNode[] }>;

/** What a page can show of a failure; a server in between may say less than the program does. */
export type ProblemBody = Pick<schema.Problem, 'title' | 'status'> & Partial<schema.Problem>;
