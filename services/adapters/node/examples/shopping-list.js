'use strict';
// A server for shopping lists as it was written for npm fh-sync, with handlers that keep
// their records in memory. One line is another: the require. Start it with
// TANDEM_ADAPTER_LISTEN=127.0.0.1:50052, and give Tandem that address as the adapter of
// dataset myShoppingList.
//
// Devices call Tandem. Those that still call this server, at POST /sync/myShoppingList, are
// handed on to TANDEM_GATEWAY by sync.invoke.
const http = require('http');
const crypto = require('crypto');
const sync = require('..'); // was: require('fh-sync')

const datasetId = 'myShoppingList';
const items = {};
const collisions = {};

function setHandlers() {
  sync.handleList(datasetId, function (dataset_id, query_params, meta_data, cb) {
    return cb(null, items);
  });

  sync.handleCreate(datasetId, function (dataset_id, data, meta_data, cb) {
    if (!data.name) {
      return cb(new Error('an item needs a name'));
    }
    var uid = crypto.randomBytes(12).toString('hex');
    items[uid] = data;
    return cb(null, { uid: uid, data: data });
  });

  sync.handleRead(datasetId, function (dataset_id, uid, meta_data, cb) {
    return cb(null, items[uid]);
  });

  sync.handleUpdate(datasetId, function (dataset_id, uid, data, meta_data, cb) {
    items[uid] = data;
    return cb(null, data);
  });

  sync.handleDelete(datasetId, function (dataset_id, uid, meta_data, cb) {
    var data = items[uid];
    delete items[uid];
    return cb(null, data);
  });

  sync.handleCollision(datasetId, function (dataset_id, hash, timestamp, uid, pre, post, meta_data, cb) {
    collisions[hash] = { uid: uid, hash: hash, pre: pre, post: post, timestamp: timestamp };
    return cb();
  });

  sync.listCollisions(datasetId, function (dataset_id, meta_data, cb) {
    return cb(null, collisions);
  });

  sync.removeCollision(datasetId, function (dataset_id, hash, meta_data, cb) {
    var n = collisions[hash] ? 1 : 0;
    delete collisions[hash];
    return cb(null, { n: n, ok: 1 });
  });

  sync.interceptRequest(datasetId, function (dataset_id, params, cb) {
    if (params.meta_data.blocked) {
      return cb(new Error('this device is blocked'));
    }
    return cb();
  });
}

sync.connect('mongodb://127.0.0.1:27017/sync', {}, 'redis://127.0.0.1:6379', function (err) {
  if (err) throw err;
  sync.init(datasetId, { syncFrequency: 10 }, function (err) {
    if (err) throw err;
    setHandlers();
    listen();
  });
});

function listen() {
  const server = http.createServer(function (req, res) {
    let body = '';
    req.on('data', function (chunk) { body += chunk; });
    req.on('end', function () {
      sync.invoke(req.url.split('/')[2], JSON.parse(body), function (err, result) {
        res.writeHead(err ? 500 : 200, { 'content-type': 'application/json' });
        res.end(JSON.stringify(err ? err.toString() : result));
      });
    });
  });
  server.listen(process.env.PORT || 3000, '127.0.0.1', function () {
    console.log('application is listening on 127.0.0.1:' + server.address().port);
  });
}
