// Validates the OpenAPI document on standard input; prints what it holds.
import SwaggerParser from '@apidevtools/swagger-parser';

let text = '';
for await (const chunk of process.stdin) {
  text += chunk;
}
try {
  const api = await SwaggerParser.validate(JSON.parse(text), { resolve: { external: false } });
  const operations = Object.values(api.paths).flatMap((path) => Object.values(path)).filter((operation) => operation.operationId);
  console.log(`valid: OpenAPI ${api.openapi}, ${operations.length} operations`);
} catch (error) {
  console.error(String(error.message ?? error));
  process.exitCode = 1;
}
