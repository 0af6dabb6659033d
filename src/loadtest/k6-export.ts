import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { LoadedScenario } from '../config/scenario.ts';
import { randomStreams } from '../core/random.ts';
import { AgentInfraError } from '../errors.ts';
import { fillerStream } from './filler.ts';
import { k6Script } from './k6-script.ts';
import { arrivalTimes } from './planned-load.ts';
import type { ScriptMessage, SessionScript } from './session-script.ts';
import { openSessions } from './session-source.ts';

/** k6 refuses larger shared arrays from 2.2 on (100 MB); each session costs a few kB. */
const MOST_SESSIONS = 20_000;

/** Writes script.js, sessions.json and filler.txt. @returns their paths */
export async function writeK6Script(
  scenario: LoadedScenario,
  targetUrl: string | undefined,
  outDir: string,
): Promise<readonly string[]> {
  const arrivals = arrivalTimes(scenario);
  const sessions = arrivals?.length ?? scenario.sessions;
  if (sessions === undefined) {
    throw new AgentInfraError('usage.invalid', `${scenario.file}: k6 needs a number of sessions`, {
      hint: 'A closed loop that ends by time alone has none: add sessions, an upper limit.',
    });
  }
  if (sessions === 0 || sessions > MOST_SESSIONS) {
    const message = `${scenario.file}: ${sessions} sessions, k6 can be given 1 to ${MOST_SESSIONS}`;
    throw new AgentInfraError('usage.invalid', message);
  }
  const source = await openSessions(scenario, randomStreams(scenario.seed));
  const list = Array.from({ length: sessions }, (_, index) =>
    sessionData(source.script(index), arrivals?.[index]),
  );
  const files = {
    'script.js': k6Script({ scenario, targetUrl, sessions }),
    'sessions.json': `[\n${list.map((session) => JSON.stringify(session)).join(',\n')}\n]\n`,
    'filler.txt': fillerStream(),
  };
  const written: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const path = join(outDir, name);
    await writeFile(path, text);
    written.push(path);
  }
  return written;
}

/** One session as the script reads it: a message is [role, tokens, offset, marker?]. */
function sessionData({ index, turns }: SessionScript, at: number | undefined): object {
  return {
    index,
    at: at === undefined ? null : Math.round(at * 1000) / 1000,
    turns: turns.map(({ steps, thinkMs }) => ({
      thinkMs,
      steps: steps.map((step) =>
        step.kind === 'wait'
          ? { id: step.id, after: step.after, waitMs: step.waitMs }
          : {
              id: step.id,
              after: step.after,
              model: step.model,
              outputTokens: step.outputTokens,
              messages: step.messages.map(messageData),
            },
      ),
    })),
  };
}

function messageData({ marker, offset, role, tokens }: ScriptMessage): readonly unknown[] {
  return marker === undefined ? [role, tokens, offset] : [role, tokens, offset, marker];
}
