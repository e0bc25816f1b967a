// The reference server, as a company runs it: npm fh-sync behind HTTP, with its own
// data handlers. HOST_SETUP holds {mongo, server, datasets}; prints "ready <port>";
// ends when stdin does, so that it never outlives the test.
import { EventEmitter } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

// Redis keeps figures and a cache for it, both of which are off here: it asks for
// nothing but a client that can be listened to.
const redis = require.resolve('redis');
require.cache[redis] = { id: redis, loaded: true, exports: { createClient: () => new EventEmitter() } };
const api = require('fh-sync');

const setup = JSON.parse(process.env.HOST_SETUP);

const server = http.createServer((req, res) => {
  const parts = [];
  req.on('data', (part) => parts.push(part));
  req.on('end', () => {
    const answer = (status, body) => {
      res.writeHead(status, { 'content-type': 'application/json' });
      res.end(JSON.stringify(body));
    };
    const dataset = req.url.split('/').pop();
    api.invoke(dataset, JSON.parse(Buffer.concat(parts)), (err, body) => (err ? answer(500, String(err)) : answer(200, body)));
  });
});

process.stdin.on('end', () => process.exit(0)).resume();
api.setConfig({ collectStats: false, ...setup.server });
api.connect(setup.mongo, { poolSize: 10 }, '', () => {
  const ids = [...setup.datasets];
  const next = (err) => {
    if (err) throw err;
    const id = ids.shift();
    if (id !== undefined) return api.init(id, { syncFrequency: 1 }, next);
    server.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`));
  };
  next();
});
