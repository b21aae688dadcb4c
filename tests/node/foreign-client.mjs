// A client that knows nothing of the API but what the server's reflection tells: lists, applies, watches, waits.
// Arguments: host:port, and the PEM files of the CA, the client's certificate and its key. One JSON a line on standard output.
import { readFileSync } from 'node:fs';
import grpc from '@grpc/grpc-js';
import { loadServices } from './reflection.mjs';

const [address, ca, certificate, key] = process.argv.slice(2);
const credentials = grpc.credentials.createSsl(readFileSync(ca), readFileSync(key), readFileSync(certificate));
const deadline = () => ({ deadline: Date.now() + 120_000 });
const tell = (what) => console.log(JSON.stringify(what));
const unary = (client, method, request) => new Promise((resolve, reject) => {
  client[method](request, deadline(), (error, answer) => (error ? reject(error) : resolve(answer)));
});

const { services, api } = await loadServices(address, credentials, 'qm.fleet.v1.');
tell({ services });
const v1 = api.qm.fleet.v1;
const fleets = new v1.FleetService(address, credentials);
const nodes = new v1.NodeService(address, credentials);
const operations = new v1.OperationService(address, credentials);

tell({ nodes: (await unary(nodes, 'List', {})).nodes.map((node) => node.metadata.name).sort() });

const watch = fleets.Watch({}, deadline());
const changes = watch[Symbol.asyncIterator]();
tell({ watch: (await changes.next()).value.type });

const applied = (await unary(fleets, 'Apply', {
  fleets: [{
    metadata: { name: 'foreign' },
    spec: { selector: 'zone=cockpit', environment: { rootfs: { preinstalled: {} }, resources: { memory_max: '3G' }, oom: { qm: 500, nested: 750 } } },
  }],
})).results[0];
tell({ applied: applied.result, generation: applied.fleet.metadata.generation, operation: applied.operation.name });
const change = (await changes.next()).value;
tell({ watch: change.type, fleet: change.fleet.metadata.name });
watch.on('error', () => {}); // the cancellation comes back as one
watch.cancel();

const operation = await unary(operations, 'Wait', { name: applied.operation.name, timeout: { seconds: 100 } });
tell({ waited: operation.done });

const refused = await unary(fleets, 'Get', { name: 'nobody' }).then(() => null, (error) => error);
tell({ error: grpc.status[refused.code], details: refused.metadata.get('grpc-status-details-bin').length });
for (const client of [fleets, nodes, operations]) {
  client.close();
}
