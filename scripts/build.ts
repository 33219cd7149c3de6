/** Bundles the entry points into dist/: ESM, one chunk per protocol loaded on demand, readable. `npm run build`. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

// @actions/core pulls in an HTTP client (with an undici of its own) for ID tokens, which this action does not ask for. Told that these modules have no
// side effects, the bundler leaves them out: half of the start-up time of `main` otherwise.
const withoutIdTokens: Plugin = {
  name: 'without-id-tokens',
  setup(b) {
    b.onResolve({ filter: /^\.\/(oidc-utils|platform)\.js$/ }, (args) =>
      args.importer.includes(join('@actions', 'core')) ? { path: join(args.resolveDir, args.path), sideEffects: false } : undefined,
    )
  },
}

/** Builds into `outdir`, which is emptied first. */
export async function buildDist(outdir: string): Promise<void> {
  rmSync(outdir, { recursive: true, force: true })
  await build({
    absWorkingDir: root,
    entryPoints: {
      main: 'src/main.ts',
      post: 'src/post.ts',
      cli: 'src/cli.ts',
      'digest-worker': 'src/local/digest-worker.ts',
    },
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    charset: 'utf8',
    legalComments: 'inline',
    chunkNames: 'chunk-[hash]',
    external: ['*.node', 'cpu-features'],
    // `require` for the CommonJS packages inside; ssh2's agent wants `__dirname`. A `const __dirname` here would collide with the chunks' own.
    banner: { js: "import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);" },
    define: { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' },
    plugins: [withoutIdTokens],
    logLevel: 'warning',
  })
  for (const name of readdirSync(outdir)) {
    const file = join(outdir, name)
    // Trailing white space of bundled packages would fail `git diff --check`.
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/[ \t]+$/gm, ''))
  }
  writeFileSync(join(outdir, 'package.json'), '{\n  "type": "module"\n}\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildDist(join(root, 'dist'))
