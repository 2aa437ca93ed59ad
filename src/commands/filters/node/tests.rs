//! Programs of JavaScript, by example.

use super::*;
use crate::commands::split;

fn shown(program: &str) -> Option<String> {
    Some(crate::commands::filters::shown(&deeds(program)?))
}

#[test]
fn programs_that_compute_are_known_with_the_files_they_open() {
    for (program, wanted) in [
        ("console.log(1)", ""),
        ("console.log(require('./package.json').version)", "Read ./package.json true"),
        ("JSON.parse(require('fs').readFileSync('a.json', 'utf8'))", "Read a.json true"),
        (
            "const fs = require('fs'); const d = JSON.parse(fs.readFileSync('a')); console.log(Object.keys(d).length)",
            "Read a true",
        ),
        (
            "const { readFileSync: r } = require('node:fs'); console.log(r('a').toString())",
            "Read a true",
        ),
        (
            "import fs from 'fs'; console.log(fs.readFileSync('a', { encoding: 'utf8' }))",
            "Read a true",
        ),
        ("import { join } from 'path'; console.log(join('a', 'b'))", ""),
        ("require('fs').writeFileSync('x', 'y')", "Write x true"),
        ("require('fs').appendFileSync(process.argv[1], 'y')", "Append * false"),
        (
            "const d = JSON.parse(require('fs').readFileSync(0)); d.items.forEach(x => console.log(x.name))",
            "",
        ),
        (
            "let s = ''; process.stdin.on('data', c => s += c); process.stdin.on('end', () => console.log(s.length))",
            "",
        ),
        ("for (const k in d) console.log(k, d[k])", ""),
        ("Object.keys(d).forEach(k => console.log(`${k}: ${d[k]}`))", ""),
        ("console.log(a[a.length - 1], a[0], a['x y'])", ""),
        ("(async () => { const x = await Promise.resolve(1); console.log(x) })()", ""),
        ("const f = (a, b) => a + b; console.log(f(1, 2))", ""),
        ("function f(cb) { return cb(1) } console.log(f(x => x))", ""),
        ("console.log([3, 1].sort((a, b) => a - b).map(String).join())", ""),
        ("console.log(new Date().toISOString(), new Map([[1, 2]]).size)", ""),
        ("try { JSON.parse('x') } catch (e) { console.error(e.message); process.exit(1) }", ""),
        ("console.log(require('crypto').createHash('sha256').update('x').digest('hex'))", ""),
        ("const path = 'x'; const url = 'y'; console.log(path, url)", ""),
        ("for await (const c of process.stdin) console.log(c.length, Number.MAX_SAFE_INTEGER)", ""),
        (
            "console.log(Object.entries(d).length, x instanceof Array, [1].map(Number), 'a'['length'])",
            "",
        ),
        ("console.log({ a: 1, b: [1, 2] }, ...[1, 2])", ""),
    ] {
        assert_eq!(shown(program).as_deref(), Some(wanted), "{program}");
    }
}

#[test]
fn programs_that_do_more_are_refused() {
    for program in [
        "require('child_process').execSync('id')",
        "child_process.execSync('id')",
        "const child_process = 1; child_process.exec('id')",
        "{ let child_process } child_process.exec('id')",
        "process.mainModule.require('child_process')",
        "process['mainModule']",
        "process.binding('spawn_sync')",
        "process.env.HOME",
        "process.kill(1)",
        "process.getBuiltinModule('child_process')",
        "eval('x')",
        "Function('x')()",
        "new Function('x')()",
        "[].constructor.constructor('x')()",
        "[]['constructor']",
        "[]['const' + 'ructor']",
        "[]['\\x63onstructor']",
        "const { constructor: F } = []",
        "const { 'constructor': F } = []",
        "const { '\\x63onstructor': F } = []",
        "const { ['const' + 'ructor']: F } = []",
        "k = 'x'; F = [][k]",
        "k = 'x'; [][k]('y')",
        "k = 'x'; console.log([][k][k]('y')())",
        "k = 'x'; console.log(F = [][k])",
        "k = 'x'; console.log([[][k]].map(f => f('y')))",
        "k = 'x'; console.log({ f: [][k] })",
        "k = 'x'; [][k].map = 1",
        "k = 'x'; ([])?.[k]",
        "k = 'x'; console.log([][k].map(x))",
        "k = 'x'; x.log([][k])",
        "a[x ? y : z - 1]",
        "x.__proto__.y = 1",
        "Object.prototype.y = 1",
        "Object.getPrototypeOf(x)",
        "Object.defineProperty(x, 'y', z)",
        "Reflect.get(x, y)",
        "new Proxy(x, y)",
        "Symbol.iterator",
        "globalThis.x",
        "global.x",
        "this.x",
        "import('fs')",
        "import fs from './x.js'",
        "import 'x'",
        "require('./x')",
        "require('./x.js')",
        "require('x')",
        "require('x.json')",
        "require(x)",
        "const r = require; r('child_process')",
        "require.resolve('x')",
        "module.require('x')",
        "const { exec } = require('child_process')",
        "const { rmSync } = require('fs')",
        "const fs = require('fs'); fs.rmSync('x')",
        "const fs = require('fs'); fs['rmSync']('x')",
        "const fs = require('fs'); const f = fs",
        "const fs = require('fs'); const f = fs.writeFileSync; f('x', 'y')",
        "require('fs').readFileSync('x', { flag: 'w' })",
        "require('fs').readFileSync('x', { 'flag': 'w' })",
        "require('fs').readFileSync('x', { '\\x66lag': 'w' })",
        "fs.readFileSync('x')",
        "fetch('https://x')",
        "vm.runInThisContext('x')",
        "x`y`",
        "class X extends Y {}",
        "f('x')",
        "console.log.call(x)",
        "with (x) y",
        "new x('y')",
        "new Map.x('y')",
        "x?.('y')",
        "Error.prepareStackTrace = (e, s) => s",
        "setTimeout.constructor('x')",
        "const o = { map: Object.getOwnPropertyDescriptor }",
        "const O = Object; O.x",
        "f(Object)",
        "const { keys } = Object",
        "process.stdin['connect'](80)",
        "x['rm']('y')",
        "const o = { map: process.stdin.open, path: 'x', flags: 'w' }; o.map()",
        "const s = process.stdin; s.x",
        "f(process.stdin)",
        "let P; const String = x => { P = x }; String([][k])",
        "const console = { log: x => x }; console.log([][k])",
    ] {
        assert_eq!(shown(program), None, "{program}");
    }
}

#[test]
fn the_program_is_where_node_takes_it_from() {
    for (line, wanted) in [
        ("node -e x", Some(Place::Word(2))),
        ("node -p x a b", Some(Place::Word(2))),
        ("node --input-type=module --eval x", Some(Place::Word(3))),
        ("node --no-warnings -pe x", Some(Place::Word(3))),
        ("node -e x -- -r y", Some(Place::Word(2))),
        ("node", Some(Place::Stdin)),
        ("node -", Some(Place::Stdin)),
        ("node - x", Some(Place::Stdin)),
        ("node x.js", None),
        ("node -e x -r ./y", None),
        ("node -r ./y -e x", None),
        ("node --import ./y -e x", None),
        ("node - -r ./y", None),
        ("node -e", None),
        ("node --env-file=.env -e x", None),
        ("node -- x.js", None),
    ] {
        assert_eq!(place(&split(line).unwrap()), wanted, "{line}");
    }
}
