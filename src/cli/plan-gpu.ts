import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { Command } from '@commander-js/extra-typings';

import { parseCount, parseDurationMs, parseRatePerSecond, parseUsd } from '../core/units.ts';
import { EXIT } from '../errors.ts';
import type { SetExitCode } from './exit-code.ts';

/** `agent-infra plan gpu`: one pool, one demand; sizes it or, with --list, names what is known. */
export function addPlanGpuCommand(plan: Command, setExitCode: SetExitCode): void {
  plan
    .command('gpu')
    .description('size a pool of GPUs for one model and one demand')
    .option('--model <open-model>', 'open-weight model of the catalog')
    .option('--gpu <gpu>', 'GPU of the catalog')
    .option('--rate <rate>', 'requests at the peak, such as 12/s or 600/min', rate)
    .option('--input <tokens>', 'mean input tokens per request', tokens)
    .option('--uncached <tokens>', 'input tokens no prefix cache saves (default: all)', tokens)
    .option('--output <tokens>', 'mean output tokens per request', tokens)
    .option('--ttft <duration>', 'goal for the mean time to first token', duration)
    .option('--itl <duration>', 'goal for the mean time per output token', duration)
    .option('--tensor-parallel <n>', 'GPUs per replica (default: the fewest GPUs in all)', tokens)
    .addOption(
      new Option('--weights <format>', 'of the weights (default: as published)').choices([
        'bf16',
        'fp8',
        'nvfp4',
        'mxfp4',
        'int4',
      ] as const),
    )
    .addOption(
      new Option('--kv <format>', 'of the KV cache')
        .choices(['bf16', 'fp8'] as const)
        .default('bf16' as const),
    )
    .addOption(
      new Option('--engine <name>', 'serving engine')
        .choices(['vllm', 'trtllm', 'sglang'] as const)
        .default('vllm' as const),
    )
    .option('--max-sequences <n>', "the engine's limit of running sequences", tokens)
    .option('--kv-tokens <n>', 'the engine’s own "GPU KV cache size" in tokens', tokens)
    .option('--price <usd>', 'dollars per GPU and hour (default: middle of the catalog)', price)
    .option('--calibration <factor>', 'measured over predicted time per output token', factor)
    .option('--list', 'list the GPUs and models of the catalog')
    .option('--json', 'print JSON')
    .action(async (options) => {
      const [{ readGpus, readModels }, { planGpu, listCatalog }] = await Promise.all([
        import('../catalog/gpus.ts'),
        import('./plan-gpu-run.ts'),
      ]);
      const [gpus, models] = await Promise.all([readGpus(), readModels()]);
      const print = options.list === true ? listCatalog : planGpu;
      process.stdout.write(print(options, gpus, models));
      setExitCode(EXIT.pass);
    });
}

function parsed<T>(parse: (text: string) => T | undefined, expected: string): (text: string) => T {
  return (text) => {
    const value = parse(text);
    if (value === undefined) throw new InvalidArgumentError(`expected ${expected}`);
    return value;
  };
}

const rate = parsed(parseRatePerSecond, 'a rate such as 12/s or 600/min');
const duration = parsed(parseDurationMs, 'a duration such as 250ms or 2s');
const tokens = parsed((text) => {
  const value = parseCount(text);
  return value !== undefined && Number.isInteger(value) ? value : undefined;
}, 'a whole number such as 2000 or 8k');
const price = parsed((text) => parseUsd(text) ?? parseCount(text), 'dollars such as $2.50');
const factor = parsed((text) => {
  const value = Number(text);
  return value > 0 && Number.isFinite(value) ? value : undefined;
}, 'a factor such as 1.2');
