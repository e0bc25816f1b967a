import { setTimeout as pause } from 'node:timers/promises';

// Waits until condition() gives something truthy and returns it. The pause only
// keeps the processor free; what ends the wait is the condition or the deadline.
export async function until(what, condition, ms = 30_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not reached in ${ms} ms: ${what}`);
    await pause(10);
  }
}
