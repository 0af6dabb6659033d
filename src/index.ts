/** Public API of agent-infra: re-exports only. */
export { AgentInfraError, ERRORS, EXIT } from './errors.ts';
export type { ErrorCode } from './errors.ts';
export { VirtualClock, sleep, sleepUntil } from './core/clock.ts';
export type { Clock } from './core/clock.ts';
export { Random, randomStreams } from './core/random.ts';
export type { TokenRecord } from './core/tokens.ts';
export type { Session, SessionSkeleton, Step, Turn } from './core/trace.ts';
