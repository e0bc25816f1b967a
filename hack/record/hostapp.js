'use strict';
// The host app: what a company runs in front of npm fh-sync, one process per scenario. Its settings come in the
// environment; the recorder talks to it by HTTP as a device does, and by process messages to stop or start a dataset.

const cors = require('cors');
const express = require('express');
const sync = require('fh-sync');
const adapter = require('./adapter');

const setup = JSON.parse(process.env.RECORD_SETUP);

function serve() {
  const app = express();
  app.use(cors());
  app.use(express.json({ limit: setup.bodyLimit }));
  app.get('/sys/info/ping', (req, res) => res.json('OK'));
  app.post(['/sync/:datasetId', '/mbaas/sync/:datasetId'], (req, res) => {
    sync.invoke(req.params.datasetId, req.body, (err, answer) => {
      if (err) {
        return res.status(500).json(String(err));
      }
      res.json(answer);
    });
  });
  // Express knows an error handler by its four parameters. Where a body cannot be read, the kind of the fault is
  // told rather than the text of the language's runtime, which differs between its versions.
  app.use((err, req, res, next) => res.status(err.status || 500).json(err.type ? `Error: ${err.type}` : String(err)));
  app.listen(setup.port, '127.0.0.1', () => process.send({ ready: true }));
}

process.on('message', ({ id, stop, start }) => {
  const done = (err) => process.send({ id, error: err ? String(err) : null });
  if (stop) {
    return sync.stop(stop, done);
  }
  sync.init(start, setup.datasets[start], done);
});
process.on('disconnect', () => process.exit(0));

sync.setConfig(setup.server);
sync.connect(setup.mongo, { poolSize: 10 }, setup.redis, (err, db) => {
  adapter.install(sync, db, (dataset) => process.send({ listed: dataset }));
  // One after the other: each init writes to the same collection.
  const ids = Object.keys(setup.datasets);
  const next = (failed) => {
    if (failed) {
      throw failed;
    }
    const id = ids.shift();
    return id === undefined ? serve() : sync.init(id, setup.datasets[id], next);
  };
  sync.start(next);
});
