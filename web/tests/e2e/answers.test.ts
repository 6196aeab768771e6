// What the program answers is what docs/openapi.json says, from which the types of the pages are written: every field, its type, and null
// rather than nothing where there is no value.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { open_mock, real_url, type Mock } from './server';

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
  required?: string[];
}
interface Document {
  paths: Record<string, { get?: { responses: Record<string, { content?: Record<string, { schema: Schema }> }> } }>;
  components: { schemas: Record<string, Schema> };
}

const document = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')) as Document;
const { schemas } = document.components;

function is_a(type: string, value: unknown): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

/** Where and how a value is not what its schema says. */
function differences(value: unknown, schema: Schema, at: string): string[] {
  if (schema.$ref) {
    const name = schema.$ref.replace('#/components/schemas/', '');
    return differences(value, schemas[name] ?? {}, `${at} ${name}`);
  }
  if (schema.oneOf) {
    const all = schema.oneOf.map((one) => differences(value, one, at));
    return all.find((one) => one.length === 0) ?? all[value === null ? all.length - 1 : 0] ?? [];
  }
  if (schema.enum) return schema.enum.includes(value) ? [] : [`${at}: ${JSON.stringify(value)} is none of ${schema.enum.join(', ')}`];
  const types = [schema.type ?? []].flat();
  if (types.length > 0 && !types.some((type) => is_a(type, value))) return [`${at}: ${JSON.stringify(value)} is no ${types.join(' or ')}`];
  if (Array.isArray(value)) return value.slice(0, 50).flatMap((one, i) => differences(one, schema.items ?? {}, `${at}[${i}]`));
  return value !== null && typeof value === 'object' ? field_differences(value as Record<string, unknown>, schema, at) : [];
}

function field_differences(value: Record<string, unknown>, { properties, additionalProperties, required }: Schema, at: string): string[] {
  if (additionalProperties) return Object.entries(value).flatMap(([name, one]) => differences(one, additionalProperties, `${at}.${name}`));
  if (!properties) return [];
  const unknown = Object.keys(value).filter((name) => !(name in properties)).map((name) => `${at}.${name} is not in the document`);
  const wrong = Object.entries(properties).flatMap(([name, schema]) => {
    if (name in value) return differences(value[name], schema, `${at}.${name}`);
    return required?.includes(name) ? [`${at}.${name} is missing`] : [];
  });
  return [...unknown, ...wrong];
}

let mock: Mock | null = null;
let base = '';

beforeAll(async () => {
  mock = real_url ? null : await open_mock();
  base = real_url ?? mock?.url ?? '';
});
afterAll(() => mock?.close());

async function answer(path: string): Promise<unknown> {
  const response = await fetch(`${base}/api/v1${path}`);
  return response.json();
}
function expected(path: string, status = '200', type = 'application/json'): Schema {
  return document.paths[`/api/v1${path}`]?.get?.responses[status]?.content?.[type]?.schema ?? {};
}
const names = async (path: string) => ((await answer(path)) as { name: string }[]).map(({ name }) => encodeURIComponent(name));

describe('the answers', () => {
  it.each(['/project', '/dashboard', '/groups', '/health', '/ledger', '/pipeline', '/queries', '/topics', '/views'])('of %s', async (path) => {
    expect(expected(path)).not.toEqual({});
    expect(differences(await answer(path), expected(path), '')).toEqual([]);
  });

  it.each(['views', 'topics', 'queries', 'groups'])('of each of the %s', async (kind) => {
    const all = await names(`/${kind}`);
    // Groups come with clients of Kafka, and the example has none.
    if (kind !== 'groups' || !real_url) expect(all.length).toBeGreaterThan(0);
    for (const name of all) expect(differences(await answer(`/${kind}/${name}`), expected(`/${kind}/{name}`), name)).toEqual([]);
  });

  it('of rows, in both forms, and of sums', async () => {
    const views = ((await answer('/views')) as { name: string; materialized: boolean; columns: { name: string; type: string }[] }[]).filter((view) => view.materialized);
    expect(views.length).toBeGreaterThan(0);
    for (const { name, columns } of views) {
      const rows = `/views/${encodeURIComponent(name)}/rows?limit=3`;
      expect(differences(await answer(rows), expected('/views/{name}/rows'), name)).toEqual([]);
      const by_column = (await answer(`${rows}&shape=columns`)) as { data: Record<string, unknown[]> };
      expect(differences(by_column, expected('/views/{name}/rows'), name)).toEqual([]);
      expect(Object.keys(by_column.data)).toEqual(columns.map((column) => column.name));
      const summed = columns.find(({ type }) => /^(BIGINT|DECIMAL)/.test(type));
      if (summed) expect(differences(await answer(`/views/${encodeURIComponent(name)}/summary?sum=${summed.name}`), expected('/views/{name}/summary'), name)).toEqual([]);
    }
  });

  it('of messages', async () => {
    for (const name of await names('/topics')) expect(differences(await answer(`/topics/${name}/messages?limit=3`), expected('/topics/{name}/messages'), name)).toEqual([]);
  });

  it('of a question that cannot be answered', async () => {
    const problem = await answer('/views/no_such_view');
    expect(differences(problem, expected('/views/{name}', 'default', 'application/problem+json'), '')).toEqual([]);
    expect(problem).toMatchObject({ status: 404, detail: expect.stringContaining('no_such_view') as string });
  });
});
