import type { ComparedRun, RunFacts } from './compare-run.ts';

/** What may differ between two sides although it should not. */
export const DIFFERING = ['workload', 'host', 'engine'] as const;
export type Differing = (typeof DIFFERING)[number];

/** Whether runs can be compared, and if not, why. */
export interface Comparability {
  /** `workload: …`; empty when they can. */
  readonly differing: readonly string[];
  /** Differences that are allowed, and doubts that do not forbid. */
  readonly notes: readonly string[];
}

/**
 * Runs are comparable when they sent the same work by the same engine from the same kind of host, ended
 * by themselves, and their generator is to be believed. Another target or another seed is what a
 * comparison is for.
 */
export function comparability(
  baseline: readonly ComparedRun[],
  candidate: readonly ComparedRun[],
  accepted: readonly Differing[],
): Comparability {
  const runs = [...baseline, ...candidate];
  const [first] = runs as [ComparedRun];
  const differing = new Set<string>();
  const notes = new Set<string>();
  for (const { facts } of runs.slice(1)) {
    for (const [what, how] of differences(first.facts, facts)) {
      if (accepted.includes(what)) notes.add(`accepted: another ${what}: ${how}`);
      else differing.add(`${what}: ${how}`);
    }
  }
  for (const { complete, path, validity } of runs) {
    if (!complete) differing.add(`${path} did not end by itself`);
    if (validity === 'invalid') differing.add(`${path}: its generator could not keep up`);
    if (validity === 'degraded') notes.add(`${path}: its generator was late, see its validity`);
  }
  for (const [side, of] of [
    ['baseline', baseline],
    ['candidate', candidate],
  ] as const) {
    const targets = new Set(of.map(({ facts }) => targetText(facts)));
    if (targets.size > 1) {
      differing.add(`the runs of the ${side} have different targets: ${[...targets].join(', ')}`);
    }
  }
  const [a, b] = [baseline[0]!, candidate[0]!].map(({ facts }) => targetText(facts));
  if (a !== b) notes.add(`targets: ${a} against ${b}`);
  if (new Set(runs.map(({ identity }) => identity)).size < runs.length) {
    differing.add('the same run was given twice');
  }
  return { differing: [...differing], notes: [...notes] };
}

function* differences(a: RunFacts, b: RunFacts): Generator<[Differing, string]> {
  const load = workloadDifference(a, b);
  if (load !== undefined) yield ['workload', load];
  const [hostA, hostB] = [hostText(a), hostText(b)];
  if (hostA !== hostB) yield ['host', `${hostA} against ${hostB}`];
  if (a.engine !== b.engine) yield ['engine', `${a.engine} against ${b.engine}`];
}

/** Runs of versions before the workload's own hash fall back to the hash of the whole scenario. */
function workloadDifference(a: RunFacts, b: RunFacts): string | undefined {
  const line = a.load.findIndex((text, index) => text !== b.load[index]);
  if (line !== -1) return `"${a.load[line]}" against "${b.load[line] ?? ''}"`;
  if (a.load.length !== b.load.length) return `"" against "${b.load[a.load.length]}"`;
  if (a.warmUpMs !== b.warmUpMs) return `a warm-up of ${a.warmUpMs} ms against ${b.warmUpMs} ms`;
  const hasOwn = a.workloadHash !== null && b.workloadHash !== null;
  const [hashA, hashB] = hasOwn ? [a.workloadHash, b.workloadHash] : [a.configHash, b.configHash];
  if (hashA === hashB) return undefined;
  return hasOwn
    ? `workload hash ${hashA} against ${hashB}`
    : `config hash ${hashA} against ${hashB}, and older samples do not say what of it was sent`;
}

function hostText({ host: { cores, node, os } }: RunFacts): string {
  return `${cores} cores, Node ${node}, ${os}`;
}

/** Ports of bundled servers are new in every run. */
function targetText({ target: { dialect, model, url } }: RunFacts): string {
  const place = /^https?:\/\/127\.0\.0\.1:\d+/.test(url) ? 'loopback' : url;
  return `${place} (${dialect}, ${model})`;
}
