import { AgentInfraError, asError } from '../errors.ts';
import { isObject, parseJson, type JsonObject } from './json-value.ts';

/** What of node:sqlite is used; its types come with Node.js 22. */
interface Database {
  readonly prepare: (sql: string) => { readonly iterate: () => Iterable<unknown> };
  readonly close: () => void;
}
type OpenDatabase = new (path: string, options: { readonly readOnly: true }) => Database;

/** Every SQLite file begins with this (sqlite.org/fileformat.html, 1.3). */
const MAGIC = 'SQLite format 3\0';

export function isSqlite(head: Buffer): boolean {
  return head.toString('latin1', 0, MAGIC.length) === MAGIC;
}

/**
 * The sessions, messages and parts of opencode's database (`opencode.db`, since version 1.2), as
 * the objects that its folders of files held before: `data` is the object without its ids. Version
 * 2 keeps the old tables and goes on in new ones, whose first rows repeat them; the old ones come
 * first, since they hold more (packages/core/src/session/sql.ts of anomalyco/opencode).
 *
 * Throws trace.unreadable: this Node.js has no node:sqlite (before 22.13), the file cannot be
 * opened or is damaged; trace.unknown-format: none of the tables.
 */
export function* opencodeRows(
  path: string,
  open: OpenDatabase | null = sqlite(),
): Generator<JsonObject> {
  if (open === null) {
    throw new AgentInfraError(
      'trace.unreadable',
      `${path} is an SQLite database, which this version of Node.js cannot read`,
      {
        hint: `Use Node.js 22.13 or later, or export sessions: opencode export <id> > session.json`,
      },
    );
  }
  let database: Database | undefined;
  try {
    database = new open(path, { readOnly: true });
    const tables = new Set(
      [...database.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).iterate()].map(
        (row) => (row as { readonly name: string }).name,
      ),
    );
    const known = QUERIES.filter(({ table }) => tables.has(table));
    if (known.length === 0) throw notOpencode(path);
    for (const { sql, record } of known)
      for (const row of database.prepare(sql).iterate()) yield record(row as JsonObject);
  } catch (thrown) {
    if (thrown instanceof AgentInfraError) throw thrown;
    const { message } = asError(thrown);
    throw new AgentInfraError('trace.unreadable', `${path} cannot be read: ${message}`, {
      cause: thrown,
    });
  } finally {
    database?.close();
  }
}

/** Null where this Node.js has none. */
function sqlite(): OpenDatabase | null {
  const found = process.getBuiltinModule('node:sqlite') as
    | { readonly DatabaseSync?: OpenDatabase }
    | undefined;
  return found?.DatabaseSync ?? null;
}

interface Query {
  readonly table: string;
  readonly sql: string;
  readonly record: (row: JsonObject) => JsonObject;
}

/** Columns with titles, prompts and directories stay in the database. */
const sessionsOf = (table: string): Query => ({
  table,
  sql: `SELECT id, parent_id, version, time_created FROM ${table}`,
  record: ({ id, parent_id: parentID, version, time_created: created }) => ({
    id,
    parentID,
    version,
    title: '',
    time: { created },
  }),
});

const QUERIES: readonly Query[] = [
  sessionsOf('session'),
  sessionsOf('session_v2'),
  {
    table: 'message',
    sql: 'SELECT id, session_id, data FROM message',
    record: ({ id, session_id: sessionID, data }) => ({ ...dataOf(data), id, sessionID }),
  },
  {
    table: 'part',
    sql: 'SELECT id, message_id, session_id, data FROM part',
    record: ({ id, message_id: messageID, session_id: sessionID, data }) => ({
      ...dataOf(data),
      id,
      messageID,
      sessionID,
    }),
  },
  {
    table: 'session_message',
    sql: 'SELECT id, session_id, type, data FROM session_message ORDER BY session_id, seq',
    record: ({ id, session_id: sessionID, type, data }) => ({
      ...dataOf(data),
      id,
      type,
      sessionID,
    }),
  },
];

function dataOf(data: unknown): JsonObject {
  const value = typeof data === 'string' ? parseJson(data) : undefined;
  return isObject(value) ? value : {};
}

function notOpencode(path: string): AgentInfraError {
  return new AgentInfraError(
    'trace.unknown-format',
    `${path} is an SQLite database without the tables of opencode`,
    { hint: 'Of SQLite databases only opencode.db is read.' },
  );
}
