// A small OpenAPI document of the same kind as the program's, enough to see how /docs reads.

const text = { schema: { type: 'string' } };
const path_name = { name: 'name', in: 'path', required: true, description: 'name of the view', ...text };

export const openapi = {
  openapi: '3.1.0',
  info: { title: 'Millrace', version: '0.1.0', description: 'Views, topics, queries and the ledger of a project.' },
  paths: {
    '/api/v1/project': { get: { tags: ['project'], summary: 'The project and how far it is', responses: { 200: { description: 'the project' } } } },
    '/api/v1/views': { get: { tags: ['views'], summary: 'All views', responses: { 200: { description: 'the views' } } } },
    '/api/v1/views/{name}/rows': {
      get: {
        tags: ['views'], summary: 'Rows of a view', description: 'Filtered, ordered and paged; as JSON or CSV.',
        parameters: [
          path_name,
          { name: 'where', in: 'query', description: 'a condition `column:op:value`, may be repeated', schema: { type: 'array', items: { type: 'string' } } },
          { name: 'order', in: 'query', description: 'columns, `-` for descending', ...text },
          { name: 'limit', in: 'query', description: 'rows at most', schema: { type: 'integer', default: 100, maximum: 100000 } },
        ],
        responses: { 200: { description: 'a page of rows', content: { 'application/json': { schema: { $ref: '#/components/schemas/RowsPage' } } } }, 404: { description: 'no such view' } },
      },
    },
    '/api/v1/sql': {
      post: {
        tags: ['sql'], summary: 'Ask a bounded question',
        requestBody: { content: { 'application/json': { schema: { type: 'object', required: ['sql'], properties: { sql: { type: 'string' }, limit: { type: 'integer' } } } } } },
        responses: { 200: { description: 'the rows' }, 400: { description: 'a mistake in the SQL' } },
      },
    },
  },
  components: {
    schemas: {
      RowsPage: {
        type: 'object', required: ['columns', 'rows', 'total'],
        properties: { columns: { type: 'array', items: { $ref: '#/components/schemas/Column' } }, rows: { type: 'array', items: { type: 'object' } }, total: { type: 'integer', description: 'rows that pass the filter' } },
      },
      Column: { type: 'object', properties: { name: { type: 'string' }, type: { type: 'string' } } },
    },
  },
};
