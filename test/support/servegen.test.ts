import { createReadStream } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { openFiles } from '../../src/traces/archive.ts';
import { servegenArrivals, servegenClient, servegenPool, type PoolFigures } from './servegen.ts';
import { noTraces, sharedTrace } from '../traces/collected.ts';

describe('ServeGen client pools', () => {
  test('rates and lengths of a client', () => {
    const client = servegenClient(
      '0,1.5,2,Gamma,0.25,1\n600,0,0,,0,0\n1200,0.5,0.5,Weibull,1,1\nrubbish\n',
      '{"0": {"input_tokens": "{10: 0.5, 30: 0.5}"}, "1200": {"input_tokens": "{100: 1.0}"}}',
    );
    expect(client.windows.map(servegenArrivals)).toEqual([
      { kind: 'gamma', perSecond: 1.5, cv: 2 },
      undefined,
      { kind: 'gamma', perSecond: 0.5, cv: 0.5 },
    ]);
    const { cv, families, means, peakToMean, perSecond } = servegenPool([client]);
    // Weighted by rate: 1.5 in the first window, 0.5 in the third.
    expect(cv).toEqual({ mean: (1.5 * 2 + 0.5 * 0.5) / 2, p50: 2 });
    expect(families).toEqual({ Gamma: 0.75, Weibull: 0.25 });
    expect(means).toEqual({ input_tokens: (1.5 * 20 + 0.5 * 100) / 2 });
    expect([perSecond, peakToMean]).toEqual([2 / 3, 2.25]);
  });

  test.skipIf(noTraces)(
    'the published figures of three services',
    { timeout: 60_000 },
    async () => {
      const texts = new Map<string, string>();
      const archive = sharedTrace('servegen/servegen.tar.gz');
      for await (const file of openFiles(archive, createReadStream(archive))) {
        const chunks: Buffer[] = [];
        for await (const chunk of file.bytes) chunks.push(Buffer.from(chunk));
        texts.set(
          file.name.replace(/^.*servegen\.tar\.gz\W*/, ''),
          Buffer.concat(chunks).toString(),
        );
      }
      const pool = (folder: string): PoolFigures =>
        servegenPool(
          [...texts.keys()]
            .filter((name) => name.includes(folder) && name.endsWith('-trace.csv'))
            .map((name) =>
              servegenClient(
                texts.get(name)!,
                texts.get(name.replace('-trace.csv', '-dataset.json')),
              ),
            ),
        );
      const figures = (of: PoolFigures): object => ({
        clients: of.clients,
        perSecond: Number(of.perSecond.toFixed(4)),
        peakToMean: Number(of.peakToMean.toFixed(3)),
        top: of.topShares.map((share) => Number(share.toFixed(3))),
        clientsOf90: of.clientsOf90,
        cv: [of.cv.mean, of.cv.p50].map((value) => Number(value.toFixed(2))),
        gamma: Number(of.families['Gamma']!.toFixed(2)),
      });
      const reason = pool('deepseek-r1');
      expect(figures(reason)).toEqual({
        clients: 73,
        perSecond: 16.0147,
        peakToMean: 2.655,
        top: [0.286, 0.525, 0.677],
        clientsOf90: 25,
        cv: [2.28, 1.02],
        gamma: 0.74,
      });
      const { input_tokens: input, output_tokens: output, reason_ratio: ratio } = reason.means;
      expect([input!.toFixed(0), output!.toFixed(0), ratio!.toFixed(3)]).toEqual([
        '1268',
        '1527',
        '0.702',
      ]);
      const image = pool('mm-image');
      expect([image.clients, image.perSecond.toFixed(4), image.peakToMean.toFixed(3)]).toEqual([
        35,
        '9.4747',
        '1.402',
      ]);
      expect([image.topShares[1].toFixed(2), image.cv.mean.toFixed(2)]).toEqual(['0.56', '2.21']);
      const small = pool('m-small');
      expect([small.clients, small.perSecond.toFixed(0), small.peakToMean.toFixed(2)]).toEqual([
        43,
        '1174',
        '3.30',
      ]);
      expect([small.topShares[1].toFixed(2), small.cv.mean.toFixed(2)]).toEqual(['0.77', '3.58']);
    },
  );
});
