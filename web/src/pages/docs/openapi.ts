// Reads an OpenAPI document into what the page shows: operations by group, their parameters, and schemas by name.

interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  items?: Schema;
  enum?: unknown[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  description?: string;
  default?: unknown;
  additionalProperties?: boolean | Schema;
}

interface Body {
  description?: string;
  content?: Record<string, { schema?: Schema }>;
}

interface RawOperation {
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema?: Schema }[];
  requestBody?: Body;
  responses?: Record<string, Body>;
}

export interface OpenApi {
  info?: { title?: string; version?: string; description?: string };
  paths?: Record<string, Record<string, RawOperation>>;
  components?: { schemas?: Record<string, Schema> };
}

export interface Field {
  name: string;
  type: string;
  /** The schema that the type names, to link to. */
  schema: string | null;
  where: string;
  required: boolean;
  description: string;
}

export interface Operation {
  id: string;
  method: string;
  path: string;
  summary: string;
  description: string;
  fields: Field[];
  answers: { status: string; description: string; type: string; schema: string | null }[];
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

export function type_words(schema: Schema | undefined): string {
  if (!schema) return '';
  if (schema.$ref) return schema.$ref.split('/').at(-1) ?? '';
  const choices = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (choices) return choices.map(type_words).filter(Boolean).join(' or ');
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' or ');
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'any');
  return schema.items ? type.replace('array', `list of ${type_words(schema.items)}`) : type;
}

export function schema_name(schema: Schema | undefined): string | null {
  if (!schema) return null;
  if (schema.$ref) return schema.$ref.split('/').at(-1) ?? null;
  for (const inner of [schema.items, ...(schema.oneOf ?? []), ...(schema.anyOf ?? []), ...(schema.allOf ?? [])]) {
    const name = schema_name(inner);
    if (name) return name;
  }
  return null;
}

function fields_of(schema: Schema | undefined, where: string): Field[] {
  return Object.entries(schema?.properties ?? {}).map(([name, one]) => ({
    name, where, type: type_words(one), schema: schema_name(one), required: schema?.required?.includes(name) ?? false, description: one.description ?? '',
  }));
}

function operation_of(path: string, method: string, raw: RawOperation): Operation {
  const parameters = (raw.parameters ?? []).map((one) => ({
    name: one.name, where: one.in, type: type_words(one.schema), schema: schema_name(one.schema), required: one.required ?? false, description: one.description ?? '',
  }));
  const body = Object.values(raw.requestBody?.content ?? {})[0]?.schema;
  const named = schema_name(body);
  const sent = body && named ? [{ name: named, where: 'body', type: named, schema: named, required: true, description: '' }] : fields_of(body, 'body');
  const answers = Object.entries(raw.responses ?? {}).map(([status, one]) => {
    const schema = Object.values(one.content ?? {})[0]?.schema;
    return { status, description: one.description ?? '', type: type_words(schema), schema: schema_name(schema) };
  });
  const id = `${method}-${path}`.replace(/[^a-z0-9]+/gi, '-');
  return { id, method: method.toUpperCase(), path, summary: raw.summary ?? '', description: raw.description ?? '', fields: [...parameters, ...sent], answers };
}

export function groups_of(document: OpenApi): { name: string; operations: Operation[] }[] {
  const groups = new Map<string, Operation[]>();
  for (const [path, methods] of Object.entries(document.paths ?? {})) {
    for (const method of METHODS) {
      const raw = methods[method];
      if (!raw) continue;
      const group = raw.tags?.[0] ?? path.split('/')[3] ?? 'other';
      groups.set(group, [...(groups.get(group) ?? []), operation_of(path, method, raw)]);
    }
  }
  return [...groups].map(([name, operations]) => ({ name, operations }));
}

export function schemas_of(document: OpenApi): { name: string; description: string; fields: Field[]; type: string }[] {
  return Object.entries(document.components?.schemas ?? {})
    .map(([name, schema]) => ({ name, description: schema.description ?? '', fields: fields_of(schema, ''), type: type_words(schema) }))
    .sort((a, b) => a.name.localeCompare(b.name));
}
