import { Converter, ReferenceType, ReflectionKind } from 'typedoc';

/** The reference in docs/api, made from the comments in lib/ by `npm run docs`. An export without one is an error. */
export default {
  entryPoints: ['lib/index.ts'],
  plugin: ['typedoc-plugin-markdown', readable],
  out: 'docs/api',
  logLevel: 'Warn',
  name: 'tangshi: the library',
  readme: 'none',
  router: 'module',
  disableSources: true,
  excludePrivate: true,
  excludeInternal: true,
  excludeExternals: true,
  sort: ['static-first', 'source-order'],
  groupOrder: ['Functions', 'Classes', 'Interfaces', 'Type Aliases', 'Variables'],
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useCodeBlocks: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  propertyMembersFormat: 'table',
  typeDeclarationFormat: 'table',
  tableColumnSettings: { hideDefaults: true, hideModifiers: true, hideInherited: true, hideOverrides: true },
  validation: { notDocumented: true, notExported: false },
  requiredToBeDocumented: ['Class', 'Interface', 'TypeAlias', 'Function', 'Method', 'Variable'],
  treatValidationWarningsAsErrors: true,
};

/**
 * Most types of lib/ are `Readonly<{ … }>`. TypeDoc shows nothing of what is said of the properties of such a type, and
 * where a function takes or returns one it writes it out instead of naming it.
 */
function readable(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    /** By shape. */
    const named = new Map();
    for (const owner of project.getReflectionsByKind(ReflectionKind.TypeAlias | ReflectionKind.Interface)) {
      if (owner.type) owner.type = withoutReadonly(owner.type);
      const shape = shapeOf(owner.type ?? { type: 'reflection', declaration: owner });
      if (shape) named.set(shape, owner);
    }
    const own = new Set([...named.values()].map(({ type }) => type));
    const reference = (owner) => ReferenceType.createResolvedReference(owner.name, owner, project);
    const mend = (given) => {
      if (own.has(given)) return given;
      const type = withoutReadonly(given);
      const owner = named.get(shapeOf(type));
      if (owner) return reference(owner);
      for (const key of ['elementType', 'target']) if (type[key]?.type) type[key] = mend(type[key]);
      for (const key of ['types', 'typeArguments', 'elements']) type[key] = type[key]?.map(mend);
      const now = named.get(shapeOf(type)); // its parts have names
      return now ? reference(now) : type;
    };
    for (const reflection of Object.values(project.reflections)) {
      if (reflection.type) reflection.type = mend(reflection.type);
      if (reflection.extendedTypes?.every(isInternal)) delete reflection.extendedTypes;
    }
  });
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const reflection of Object.values(project.reflections))
      if (reflection.inheritedFrom && !reflection.inheritedFrom.reflection) delete reflection.inheritedFrom;
  });
  // The fields of a run's configuration are inferred from a schema, in which each stands once and is found twice.
  const { warn } = app.logger;
  app.logger.warn = (text, ...rest) => {
    if (!/has multiple declarations with a comment/.test(text)) warn.call(app.logger, text, ...rest);
  };
}

/** Whether a base class is not exported. */
function isInternal(type) {
  return type.type === 'reference' && !type.reflection && type.package === 'tangshi';
}

function withoutReadonly(type) {
  const inner = type.name === 'Readonly' ? type.typeArguments?.[0] : undefined;
  return inner?.type === 'reflection' ? inner : type;
}

/** What an object type is known by: the names of its properties, or what it is a map of. */
function shapeOf(type) {
  if (type.name === 'Readonly') return String(type);
  const { declaration } = withoutReadonly(type);
  if (!declaration?.children || declaration.signatures) return undefined;
  const names = declaration.children.map(({ name }) => name);
  return names.sort().join();
}
