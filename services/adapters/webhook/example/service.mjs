// A webhook service for Tandem in memory, without dependencies:
//   SECRET=... PORT=8081 node service.mjs
import { createServer } from 'node:http';
import { verify } from './verify.mjs';

const datasets = new Map(); // name -> { records: uid -> data, keys: idempotency key -> answer }
const answer = (status, body) => ({ status, body });
const gone = answer(404, { error: 'not_found' });

const operations = {
  ping: () => answer(204),
  list: ({ records }, { queryParams }) => {
    const wanted = Object.entries(queryParams);
    if (wanted.some(([, value]) => value !== null && typeof value === 'object')) return answer(422, { message: 'only equality is known' });
    return answer(200, Object.fromEntries([...records].filter(([, data]) => wanted.every(([field, value]) => data[field] === value))));
  },
  read: ({ records }, { uid }) => (records.has(uid) ? answer(200, { data: records.get(uid) }) : gone),
  create: ({ records }, { data, idempotencyKey }) => {
    const uid = idempotencyKey.slice(0, 24); // from the key: a repeated create finds its record
    records.set(uid, data);
    return answer(201, { uid });
  },
  update: ({ records }, { uid, data }) => (records.has(uid) ? (records.set(uid, data), answer(204)) : gone),
  delete: ({ records }, { uid }) => (records.delete(uid) ? answer(204) : gone),
};

createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const reply = ({ status, body: out }) => res.writeHead(status, { 'Content-Type': 'application/json' }).end(out && JSON.stringify(out));
  if (!verify(process.env.SECRET, req.headers['tandem-signature'] ?? '', body)) return reply(answer(401, { message: 'bad signature' }));
  const call = JSON.parse(body);
  if (!datasets.has(call.dataset)) datasets.set(call.dataset, { records: new Map(), keys: new Map() });
  const dataset = datasets.get(call.dataset);
  const seen = dataset.keys.get(call.idempotencyKey);
  if (seen) return reply(seen); // made before: the same answer, and nothing else
  const out = Object.hasOwn(operations, call.operation) ? operations[call.operation](dataset, call) : answer(501);
  if (call.idempotencyKey && out.status < 300) dataset.keys.set(call.idempotencyKey, out);
  return reply(out);
}).listen(process.env.PORT ?? 8081, '127.0.0.1', function () { console.log(`listening on ${this.address().port}`); });
