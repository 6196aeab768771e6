// The one place that talks to the server. Every answer is typed, every failure is a `Problem` that a page can show as it is.

import type {
  ColumnsPage,
  Dashboard,
  Group,
  GroupLine,
  Health,
  LedgerLine,
  MessagesPage,
  Pipeline,
  ProblemBody,
  Project,
  Query,
  RowsPage,
  Summary,
  Topic,
  View,
} from './types';

const BASE = '/api/v1';

/** What went wrong, in the words of the server or, where it could not be reached, in ours. */
export class Problem extends Error {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly cure: string | null;

  constructor(body: ProblemBody) {
    super(body.title);
    this.title = body.title;
    this.status = body.status;
    this.detail = body.detail ?? '';
    this.cure = body.cure ?? null;
  }

  /** The server did not answer at all: a restart or a broken line, not a mistake in the question. */
  get unreachable(): boolean {
    return this.status === 0;
  }

  static from(error: unknown): Problem {
    if (error instanceof Problem) return error;
    const detail = error instanceof Error ? error.message : String(error);
    return new Problem({ title: 'Millrace does not answer', status: 0, detail, cure: 'Is the program running? The page goes on by itself.' });
  }
}

export interface RowsQuery {
  where?: string[];
  order?: string;
  limit?: number;
  offset?: number;
  columns?: string[];
}

export interface SummaryQuery {
  where?: string[];
  sum: string[];
  group?: string;
  order?: string;
  limit?: number;
}

type Params = Record<string, string | number | string[] | undefined | null>;

/** A path with its parameters; lists repeat their name, empty values are left out. */
export function address(path: string, params: Params = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString();
  return BASE + path + (text ? `?${text}` : '');
}

async function fetch_json<T>(path: string, params?: Params, signal?: AbortSignal): Promise<T> {
  const response = await fetch(address(path, params), { headers: { Accept: 'application/json' }, signal });
  if (response.ok) return (await response.json()) as T;
  const text = await response.text();
  throw new Problem(read_problem(response.status, response.statusText, text));
}

function read_problem(status: number, statusText: string, text: string): ProblemBody {
  try {
    const body = JSON.parse(text) as Partial<ProblemBody>;
    return { ...body, title: body.title ?? statusText, status };
  } catch {
    return { title: statusText || `The server answered ${status}`, status, detail: text.slice(0, 300) };
  }
}

function rows_params(query: RowsQuery): Params {
  const { where, order, limit, offset, columns } = query;
  return { where, order, limit, offset, columns: columns?.join(',') };
}

const at = encodeURIComponent;

export const api = {
  project: (signal?: AbortSignal) => fetch_json<Project>('/project', {}, signal),
  dashboard: (signal?: AbortSignal) => fetch_json<Dashboard>('/dashboard', {}, signal),
  views: (signal?: AbortSignal) => fetch_json<View[]>('/views', {}, signal),
  view: (name: string, signal?: AbortSignal) => fetch_json<View>(`/views/${at(name)}`, {}, signal),
  rows: (name: string, query: RowsQuery, signal?: AbortSignal) =>
    fetch_json<RowsPage>(`/views/${at(name)}/rows`, rows_params(query), signal),
  columns: (name: string, query: RowsQuery, signal?: AbortSignal) =>
    fetch_json<ColumnsPage>(`/views/${at(name)}/rows`, { ...rows_params(query), shape: 'columns' }, signal),
  summary: (name: string, query: SummaryQuery, signal?: AbortSignal) =>
    fetch_json<Summary>(`/views/${at(name)}/summary`, { ...query, sum: query.sum.join(',') }, signal),
  topics: (signal?: AbortSignal) => fetch_json<Topic[]>('/topics', {}, signal),
  topic: (name: string, signal?: AbortSignal) => fetch_json<Topic>(`/topics/${at(name)}`, {}, signal),
  messages: (name: string, query: Params, signal?: AbortSignal) =>
    fetch_json<MessagesPage>(`/topics/${at(name)}/messages`, query, signal),
  health: (signal?: AbortSignal) => fetch_json<Health>('/health', {}, signal),
  queries: (signal?: AbortSignal) => fetch_json<Query[]>('/queries', {}, signal),
  query: (name: string, signal?: AbortSignal) => fetch_json<Query>(`/queries/${at(name)}`, {}, signal),
  groups: (signal?: AbortSignal) => fetch_json<GroupLine[]>('/groups', {}, signal),
  group: (name: string, signal?: AbortSignal) => fetch_json<Group>(`/groups/${at(name)}`, {}, signal),
  pipeline: (signal?: AbortSignal) => fetch_json<Pipeline>('/pipeline', {}, signal),
  ledger: (signal?: AbortSignal) => fetch_json<LedgerLine[]>('/ledger', {}, signal),
  openapi: (signal?: AbortSignal) => fetch_json<unknown>('/openapi.json', {}, signal),
};

/** The address of rows as a file or for a program. */
export function rows_address(name: string, query: RowsQuery, format: 'csv' | 'json'): string {
  return address(`/views/${at(name)}/rows`, { ...rows_params(query), format });
}

export function live_rows_address(name: string): string {
  return address(`/views/${at(name)}/live`);
}

export function live_messages_address(name: string): string {
  return address(`/topics/${at(name)}/live`);
}

/** A search through a topic, as events that come until it is through; without an answer to read there is a problem. */
export async function open_search(name: string, query: Params, signal: AbortSignal): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  // Elsewhere an empty value is one that nobody gave.
  const empty = query.field && query.value === '' ? '&value=' : '';
  const response = await fetch(address(`/topics/${at(name)}/search`, query) + empty, { headers: { Accept: 'text/event-stream' }, signal, cache: 'no-store' });
  if (response.ok && response.body) return response.body.getReader();
  throw new Problem(read_problem(response.status, response.statusText, await response.text()));
}

export const live_pipeline_address = address('/pipeline/live');
