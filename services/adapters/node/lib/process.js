'use strict';
// The end of the process, orderly and otherwise.
const { failRunning } = require('./call');

// untilSignal closes at SIGTERM or SIGINT. The process ends with code 0 then, unless the
// application listens for the signal itself, and so ends itself.
function untilSignal(close, log) {
  const names = ['SIGTERM', 'SIGINT'];
  const on = async (signal) => {
    const alone = process.listenerCount(signal) === 1;
    log.info(`${signal}: finishing the calls under way`);
    await close();
    if (alone) process.exit(0);
  };
  names.forEach((name) => process.on(name, on));
  return () => names.forEach((name) => process.removeListener(name, on));
}

// catchThrows fails the call of a handler that throws where nobody catches (in a timer, in
// a callback, in a promise that nobody waits for). Any other such error ends the process, as
// Node.js would end it.
function catchThrows(log) {
  const on = (err) => {
    const what = failRunning(err);
    if (what) {
      log.error(`${what} threw where nobody catches: ${err?.stack ?? err}`);
      return;
    }
    if (process.listenerCount('uncaughtException') > 1) return; // the application's own decides
    console.error(err?.stack ?? err);
    process.exit(1);
  };
  process.on('uncaughtException', on);
  return () => process.removeListener('uncaughtException', on);
}

module.exports = { untilSignal, catchThrows };
