// Loads a server's services from nothing but its own reflection, as any generic gRPC client does.
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const bytes = (id) => ({ type: 'bytes', id });
const string = (id) => ({ type: 'string', id });

// What of grpc.reflection.v1 is asked for here.
const reflection = grpc.loadPackageDefinition(loader.fromJSON({
  nested: {
    grpc: {
      nested: {
        reflection: {
          nested: {
            v1: {
              nested: {
                ServerReflection: {
                  methods: {
                    ServerReflectionInfo: { requestType: 'ServerReflectionRequest', requestStream: true, responseType: 'ServerReflectionResponse', responseStream: true },
                  },
                },
                ServerReflectionRequest: {
                  oneofs: { message_request: { oneof: ['file_by_filename', 'file_containing_symbol', 'list_services'] } },
                  fields: { file_by_filename: string(3), file_containing_symbol: string(4), list_services: string(7) },
                },
                ServerReflectionResponse: {
                  fields: {
                    file_descriptor_response: { type: 'FileDescriptorResponse', id: 4 },
                    list_services_response: { type: 'ListServiceResponse', id: 6 },
                    error_response: { type: 'ErrorResponse', id: 7 },
                  },
                },
                FileDescriptorResponse: { fields: { file_descriptor_proto: { rule: 'repeated', ...bytes(1) } } },
                ListServiceResponse: { fields: { service: { rule: 'repeated', type: 'ServiceResponse', id: 1 } } },
                ServiceResponse: { fields: { name: string(1) } },
                ErrorResponse: { fields: { error_code: { type: 'int32', id: 1 }, error_message: string(2) } },
              },
            },
          },
        },
      },
    },
  },
}, { keepCase: true })).grpc.reflection.v1;

// A FileDescriptorSet is nothing but its files, each with the tag of field 1 and its length before it.
function descriptorSet(files) {
  return Buffer.concat(files.flatMap((file) => {
    const head = [0x0a];
    for (let length = file.length; ; length >>>= 7) {
      if (length < 0x80) {
        head.push(length);
        break;
      }
      head.push((length & 0x7f) | 0x80);
    }
    return [Buffer.from(head), file];
  }));
}

/** The services of a server, ready to be called. */
export async function loadServices(address, credentials, prefix) {
  const client = new reflection.ServerReflection(address, credentials);
  const call = client.ServerReflectionInfo({ deadline: Date.now() + 30_000 });
  const answers = call[Symbol.asyncIterator]();
  const ask = async (request) => {
    call.write(request);
    const { value } = await answers.next();
    if (value.error_response) {
      throw new Error(value.error_response.error_message);
    }
    return value;
  };
  const services = (await ask({ list_services: '' })).list_services_response.service.map((service) => service.name);
  const files = new Map();
  for (const service of services.filter((name) => name.startsWith(prefix))) {
    // The answer holds what the file needs, too.
    for (const file of (await ask({ file_containing_symbol: service })).file_descriptor_response.file_descriptor_proto) {
      files.set(file.toString('base64'), file);
    }
  }
  call.end();
  client.close();
  const loaded = loader.loadFileDescriptorSetFromBuffer(descriptorSet([...files.values()]), { keepCase: true, longs: String, enums: String, oneofs: true });
  return { services, api: grpc.loadPackageDefinition(loaded) };
}
