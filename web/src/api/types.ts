// The shapes of /api/v1 as the pages use them: those of its OpenAPI document, and more precise where the document leaves something open.
// Decimals travel as text, because a float would lose their last digits; `*_ms` are milliseconds; event times are the shop's local clock
// read as if it were UTC.

import type * as schema from './schema';

type Precise<T, Fields> = Omit<T, keyof Fields> & Fields;

export type Cell = schema.Cell;
export type Row = schema.Row;

/** A column of a view or topic, or of an answer, which does not say whether it may be NULL. */
export type Column = schema.ColumnHead & Partial<schema.Column>;

export type Project = schema.Project;

export type Health = schema.Health;

export type Unit = schema.Unit;
export type Tile = schema.Tile;
export type Timeline = schema.Timeline;
export type Bars = schema.Bars;
export type Feed = schema.Feed;
export type Dashboard = schema.Dashboard;

export type View = schema.View;

/** Of the two forms of rows an answer has the one that was asked for. */
type Page = Omit<schema.RowsPage, 'rows' | 'data'>;
export type RowsPage = Page & { rows: Row[] };
export type ColumnsPage = Page & { data: Record<string, Cell[]> };
export type Summary = schema.Summary;
export type LiveRows = Precise<schema.RowsEvent, { upserts: (Row & { _key: string })[] }>;

export type TopicKind = schema.TopicKind;
export type Topic = Precise<schema.Topic, { schema: unknown }>;
export type Message = schema.Message;
export type MessagesPage = Precise<schema.MessagesPage, { next: Record<string, string | number> | null }>;
export type LiveMessages = schema.MessagesEvent;

export type Phase = schema.Phase;

export type LedgerLine = schema.LedgerLine;
export type Ledger = schema.Ledger;

export type Query = schema.Query;

export type Group = schema.Group;
export type GroupLine = schema.GroupLine;

export type NodeKind = schema.NodeKind;
export type PipelineNode = Precise<schema.Node, { detail: [string, string][] }>;
export type Pipeline = Precise<schema.Pipeline, { nodes: PipelineNode[] }>;

/** What a page can show of a failure; a server in between may say less than the program does. */
export type ProblemBody = Pick<schema.Problem, 'title' | 'status'> & Partial<schema.Problem>;
