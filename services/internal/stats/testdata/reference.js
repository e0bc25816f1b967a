// Prints what the reference server makes of samples.json:
//   NODE_PATH=hack/record/node_modules node services/internal/stats/testdata/reference.js > services/internal/stats/testdata/reference.json
const fs = require('fs');
const path = require('path');
const metrics = require('fh-sync/lib/sync-metrics');

const samples = JSON.parse(fs.readFileSync(path.join(__dirname, 'samples.json')));
// Metric of samples.json → the reference server's key, tag and field.
const kinds = {
  'CPU usage': ['fhsync_stats_cpu', 'workerId', 'cpuUsed'],
  'RSS Memory Usage': ['fhsync_stats_memory', 'workerId', 'rss'],
  'Job Process Time': [metrics.KEYS.WORKER_JOB_PROCESS_TIME, 'name', 'value'],
  'Job Queue Size': [metrics.KEYS.WORKER_QUEUE_SIZE, 'name', 'value'],
  'API Process Time': [metrics.KEYS.SYNC_API_PROCESS_TIME, 'fn', 'value']
};
const lists = {};
for (const s of samples) {
  const [key, tag, field] = kinds[s.metric];
  const entry = {tags: {[tag]: s.group}, fields: {[field]: s.value}, ts: s.at};
  (lists['fhsyncstats:' + key] ||= []).unshift(JSON.stringify(entry));
}
metrics.init({collectStats: true, statsRecordsToKeep: 1000}, {lrange: (key, from, to, cb) => cb(null, lists[key] || [])});
metrics.getStats((err, stats) => {
  if (err) throw err;
  console.log(JSON.stringify(stats, null, 2));
  process.exit(0);
});
