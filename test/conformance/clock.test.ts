import { VirtualClock } from '../../src/core/clock.ts';
import { RealClock } from '../../src/system.ts';
import { clockConformance } from './clock.ts';

const settle = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

clockConformance({
  name: 'virtual',
  create: () => {
    const clock = new VirtualClock(settle, 1000);
    return {
      clock,
      run: async (until) => {
        let settled = false;
        const watch = until.finally(() => {
          settled = true;
        });
        while (!settled) {
          await settle();
          if (!settled) await clock.run(clock.now() + 1);
        }
        await watch;
      },
    };
  },
  skip: {},
});

clockConformance({
  name: 'real',
  create: () => ({
    clock: new RealClock(),
    run: async (until) => {
      await until;
    },
  }),
  skip: {
    'actions of one instant run in the order they were asked for':
      'Node keeps one list per rounded delay, so equal deadlines asked for at different moments may swap',
  },
});
