import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { inputTokens } from '../../src/core/tokens.ts';
import { AgentInfraError } from '../../src/errors.ts';
import { opencodeRows } from '../../src/traces/opencode-database.ts';
import { allCalls, collect, collectText, toolsOf } from './collected.ts';

interface Database {
  readonly exec: (sql: string) => void;
  readonly prepare: (sql: string) => { readonly run: (...values: readonly unknown[]) => void };
  readonly close: () => void;
}
const sqlite = process.getBuiltinModule('node:sqlite') as
  | { readonly DatabaseSync: new (path: string) => Database }
  | undefined;

const ms = (second: number): number => Date.UTC(2026, 2, 2, 8) + second * 1000;

let root: string;
let path: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'opencode-db-'));
  path = join(root, 'opencode.db');
});
afterEach(() => rmSync(root, { recursive: true }));

const tokens = (input: number, output: number, read: number): object => ({
  input,
  output,
  reasoning: 0,
  cache: { read, write: 0 },
});
const answer = {
  role: 'assistant',
  time: { created: ms(2), completed: ms(9) },
  modelID: 'made-up',
  providerID: 'openai',
  mode: 'build',
  cost: 0.5,
  tokens: tokens(30, 4, 70),
};

/** The columns that opencode's schema has and more than are read, as in a real one. */
function firstSchema(database: Database): void {
  database.exec(`
    CREATE TABLE session (id text PRIMARY KEY, project_id text, parent_id text, title text, version text, time_created integer);
    CREATE TABLE message (id text PRIMARY KEY, session_id text, time_created integer, data text);
    CREATE TABLE part (id text PRIMARY KEY, message_id text, session_id text, time_created integer, data text);
    CREATE TABLE account (id text PRIMARY KEY, access_token text);`);
  const session = database.prepare('INSERT INTO session VALUES (?, ?, ?, ?, ?, ?)');
  session.run('ses_1', 'p', null, 'private words', '1.3.20', ms(0));
  const message = database.prepare('INSERT INTO message VALUES (?, ?, ?, ?)');
  message.run('msg_1', 'ses_1', ms(1), JSON.stringify({ role: 'user', time: { created: ms(1) } }));
  message.run('msg_2', 'ses_1', ms(2), JSON.stringify(answer));
  const part = database.prepare('INSERT INTO part VALUES (?, ?, ?, ?, ?)');
  const put = (id: string, messageId: string, data: object): void =>
    part.run(id, messageId, 'ses_1', ms(2), JSON.stringify(data));
  put('prt_1', 'msg_1', { type: 'text', text: 'private words' });
  put('prt_2', 'msg_2', { type: 'step-start' });
  put('prt_3', 'msg_2', {
    type: 'tool',
    tool: 'bash',
    callID: 'c',
    state: { status: 'completed', input: {}, time: { start: ms(5), end: ms(8) } },
  });
  put('prt_4', 'msg_2', {
    type: 'step-finish',
    reason: 'stop',
    cost: 0.5,
    tokens: tokens(30, 4, 70),
  });
}

/** Version 2 goes on in tables of its own, which begin with what was there before. */
function secondSchema(database: Database): void {
  database.exec(`
    CREATE TABLE session_v2 (id text PRIMARY KEY, parent_id text, title text, version text, time_created integer);
    CREATE TABLE session_message (id text PRIMARY KEY, session_id text, type text, seq integer, data text);`);
  const session = database.prepare('INSERT INTO session_v2 VALUES (?, ?, ?, ?, ?)');
  session.run('ses_1', null, 'private words', '1.3.20', ms(0));
  session.run('ses_2', 'ses_1', 'private words', '2.0.8', ms(22));
  const message = database.prepare('INSERT INTO session_message VALUES (?, ?, ?, ?, ?)');
  const model = { id: 'made-up', providerID: 'openai' };
  const put = (id: string, sessionId: string, type: string, seq: number, data: object): void =>
    message.run(id, sessionId, type, seq, JSON.stringify(data));
  put('msg_2', 'ses_1', 'assistant', 1, {
    model,
    content: [],
    tokens: tokens(30, 4, 70),
    time: answer.time,
  });
  put('msg_3', 'ses_1', 'assistant', 2, {
    model,
    agent: 'build',
    tokens: tokens(10, 2, 100),
    time: { created: ms(20), streamed: ms(21), completed: ms(30) },
    content: [
      {
        type: 'tool',
        id: 'c2',
        name: 'subagent',
        state: { status: 'completed', input: {}, metadata: { sessionID: 'ses_2' } },
        time: { created: ms(21), ran: ms(21), completed: ms(29) },
      },
    ],
  });
  put('msg_4', 'ses_2', 'assistant', 1, {
    model,
    agent: 'explore',
    tokens: tokens(8, 1, 0),
    content: [],
    time: { created: ms(23), streamed: ms(24) },
  });
}

function write(...schemas: readonly ((database: Database) => void)[]): void {
  const database = new sqlite!.DatabaseSync(path);
  for (const schema of schemas) schema(database);
  database.close();
}

describe.skipIf(sqlite === undefined)('with node:sqlite (Node.js 22.13 or later)', () => {
  test('sessions, messages and parts are read as from the folders of files', async () => {
    write(firstSchema);
    const found = await collect([root]);
    expect(found.format).toBe('opencode');
    expect(found.sessions.map(({ id }) => id)).toEqual(['ses_1']);
    expect(
      allCalls(found).map((call) => [inputTokens(call.tokens), call.startMs, call.endMs]),
    ).toEqual([[100, ms(2), ms(5)]]);
    expect(toolsOf(found).map(({ durationMs }) => durationMs)).toEqual([3000]);
    expect(found.records).toEqual({ read: 7, used: 6, skipped: 0, duplicates: 1 });
    expect(JSON.stringify(found)).not.toContain('private words');
  });

  test('the tables of version 2 go on with them, and repeat nothing', async () => {
    write(firstSchema, secondSchema);
    const found = await collect([path]);
    expect(found.sessions.map(({ id }) => id)).toEqual(['ses_1']);
    expect(allCalls(found).map((call) => [call.agent, inputTokens(call.tokens)])).toEqual([
      [undefined, 100],
      [undefined, 110],
      ['explore', 8],
    ]);
    expect(found.duplicates).toEqual({
      'repeats a record that was read before': 2,
      'message repeats the usage of its last step': 1,
    });
  });

  test('folders of files that were left behind when the database was made count once', async () => {
    write(firstSchema);
    const folder = join(root, 'storage', 'message', 'ses_1');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'msg_2.json'),
      JSON.stringify({ ...answer, id: 'msg_2', sessionID: 'ses_1' }),
    );
    const found = await collect([root]);
    expect(allCalls(found)).toHaveLength(1);
    expect(found.duplicates['repeats a record that was read before']).toBe(1);
  });

  test('another database is refused, and so is a damaged one', async () => {
    write((database) => database.exec('CREATE TABLE other (id text)'));
    await expect(collect([path])).rejects.toThrow(/without the tables of opencode/);
    write(firstSchema);
    writeFileSync(path, Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(3000, 7)]));
    await expect(collect([path])).rejects.toMatchObject({ code: 'trace.unreadable' });
  });
});

describe('whatever SQLite there is', () => {
  const rows: Readonly<Record<string, readonly object[]>> = {
    sqlite_master: ['account', 'part', 'session', 'message', 'session_message'].map((name) => ({
      name,
    })),
    session: [{ id: 'ses_1', parent_id: null, version: '1.3.20', time_created: 5 }],
    message: [{ id: 'msg_1', session_id: 'ses_1', data: '{"role":"user","id":"other"}' }],
    part: [{ id: 'prt_1', message_id: 'msg_1', session_id: 'ses_1', data: 'not JSON' }],
    session_message: [
      { id: 'msg_2', session_id: 'ses_1', type: 'idle', data: '{"time":{"created":6}}' },
    ],
  };
  let closed = 0;
  class Fake {
    prepare(sql: string): { iterate: () => Iterable<unknown> } {
      const table = / FROM (\w+)/.exec(sql)![1]!;
      if (sql.includes('broken')) throw new Error('disk I/O error');
      return { iterate: () => rows[table]! };
    }
    close(): void {
      closed += 1;
    }
  }

  test('rows become the objects of the folders: ids of the columns count, old tables come first', () => {
    expect([...opencodeRows('opencode.db', Fake)]).toEqual([
      { id: 'ses_1', parentID: null, version: '1.3.20', title: '', time: { created: 5 } },
      { id: 'msg_1', sessionID: 'ses_1', role: 'user' },
      { id: 'prt_1', messageID: 'msg_1', sessionID: 'ses_1' },
      { id: 'msg_2', sessionID: 'ses_1', type: 'idle', time: { created: 6 } },
    ]);
  });

  test('is closed again, also when not all is read and when reading fails', () => {
    closed = 0;
    for (const _row of opencodeRows('opencode.db', Fake)) break;
    expect(closed).toBe(1);
    class Broken extends Fake {
      override prepare(sql: string): ReturnType<Fake['prepare']> {
        return super.prepare(sql.includes('message') ? 'SELECT broken FROM message' : sql);
      }
    }
    expect(() => [...opencodeRows('opencode.db', Broken)]).toThrow(
      'opencode.db cannot be read: disk I/O error',
    );
    expect(closed).toBe(2);
  });
});

describe('without node:sqlite', () => {
  test('says how to export', () => {
    const read = (): unknown => [...opencodeRows('opencode.db', null)];
    expect(read).toThrow(AgentInfraError);
    expect(read).toThrow(
      /opencode\.db is an SQLite database, which this version of Node\.js cannot/,
    );
  });
});

test('a database from stdin is refused', async () => {
  await expect(collectText(Buffer.from('SQLite format 3\0 and more'))).rejects.toMatchObject({
    code: 'trace.unreadable',
    message: 'stdin is an SQLite database, which is read only as a file on disk',
  });
});

test('a database that cannot be read does not keep its neighbours from being read', async () => {
  writeFileSync(path, Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(50_000, 7)]));
  writeFileSync(
    join(root, 'message.json'),
    JSON.stringify({ ...answer, id: 'msg_2', sessionID: 'ses_1' }),
  );
  const found = await collect([root]);
  expect(allCalls(found)).toHaveLength(1);
  expect(found.skips.map(([reason]) => reason)).toEqual([
    'SQLite database (needs Node.js 22.13, or opencode export)',
  ]);
});
