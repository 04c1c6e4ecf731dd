import { expect, test } from 'vitest'
import { anna, ben, chat, codes, people, pub, team } from './world.ts'

test('a first p2p chat', () => {
  const w = people()
  const first = w.run(anna, chat, {
    kind: 'sub',
    get: { what: ['desc', 'sub', 'data', 'del', 'aux'] },
  })
  expect(codes(first)).toEqual([200, 'desc', 'sub', 204, 204, 204])
  expect(first.parts).toMatchInlineSnapshot(`
    [
      {
        "code": 200,
        "kind": "ctrl",
        "params": {
          "acs": {
            "given": "JRWPA",
            "mode": "JRWPA",
            "want": "JRWPA",
          },
        },
      },
      {
        "kind": "meta",
        "part": "desc",
        "peer": "usrFgAAAAAAAAA",
        "value": {
          "acs": {
            "given": "JRWPA",
            "mode": "JRWPA",
            "want": "JRWPA",
          },
          "created": 1800000000000,
          "touched": 1800000000000,
          "updated": 1800000000000,
        },
      },
      {
        "kind": "meta",
        "part": "sub",
        "value": [
          {
            "acs": {
              "given": "JRWPA",
              "mode": "JRWPA",
              "want": "JRWPA",
            },
            "updated": 1800000000000,
            "user": "usrCwAAAAAAAAA",
          },
          {
            "acs": {
              "given": "JRWPA",
              "mode": "JRWPA",
              "want": "JRWPA",
            },
            "updated": 1800000000000,
            "user": "usrFgAAAAAAAAA",
          },
        ],
      },
      {
        "code": 204,
        "kind": "ctrl",
        "params": {
          "what": "aux",
        },
      },
      {
        "code": 204,
        "kind": "ctrl",
        "params": {
          "what": "data",
        },
      },
      {
        "code": 204,
        "kind": "ctrl",
        "params": {
          "what": "del",
        },
      },
    ]
  `)
  expect(w.ask(ben, { kind: 'list' })).toEqual([chat])
  expect(codes(w.run(anna, chat, pub('hi')))).toEqual([202])
  expect(w.told.get(chat)).toMatchInlineSnapshot(`
    [
      {
        "content": ""hi"",
        "from": "usrCwAAAAAAAAA",
        "head": null,
        "kind": "data",
        "seq": 1,
        "skipSid": "",
        "ts": 1800000000000,
      },
      {
        "act": "usrCwAAAAAAAAA",
        "anyOf": 0,
        "kind": "pres",
        "needs": 11,
        "seq": 1,
        "to": "watchers",
        "what": "msg",
      },
    ]
  `)
})

test('a group', () => {
  const w = people()
  expect(w.run(anna, team, { kind: 'sub', create: 'grp', tags: ['team'] }).parts)
    .toMatchInlineSnapshot(`
    [
      {
        "code": 200,
        "kind": "ctrl",
        "params": {
          "acs": {
            "given": "JRWPASDO",
            "mode": "JRWPASDO",
            "want": "JRWPASDO",
          },
        },
      },
    ]
  `)
  expect(codes(w.run(ben, team, { kind: 'sub' }))).toEqual([200])
  expect(w.told.get(team)).toMatchInlineSnapshot(`
    [
      {
        "given": 47,
        "kind": "modes",
        "member": true,
        "uid": "usrFgAAAAAAAAA",
        "want": 47,
      },
      {
        "act": "usrFgAAAAAAAAA",
        "anyOf": 176,
        "dacs": {
          "given": "JRWPS",
          "want": "JRWPS",
        },
        "exceptUser": "usrFgAAAAAAAAA",
        "kind": "pres",
        "needs": 0,
        "skipSid": "sFgAAA",
        "src": "usrFgAAAAAAAAA",
        "to": "attached",
        "what": "acs",
      },
      {
        "act": "usrFgAAAAAAAAA",
        "anyOf": 176,
        "dacs": {
          "given": "JRWPS",
          "want": "JRWPS",
        },
        "exceptUser": "usrFgAAAAAAAAA",
        "kind": "pres",
        "needs": 0,
        "skipSid": "sFgAAA",
        "tgt": "usrFgAAAAAAAAA",
        "to": "watchers",
        "what": "acs",
      },
    ]
  `)
  expect(w.told.get(ben)).toMatchInlineSnapshot(`
    [
      {
        "gone": false,
        "kind": "list",
        "topic": "grpBwAAAAcAAAA",
      },
      {
        "act": "usrFgAAAAAAAAA",
        "anyOf": 0,
        "dacs": {
          "given": "JRWPS",
          "want": "JRWPS",
        },
        "kind": "pres",
        "needs": 0,
        "skipSid": "sFgAAA",
        "src": "grpBwAAAAcAAAA",
        "to": "attached",
        "unlessAttachedTo": "grpBwAAAAcAAAA",
        "what": "acs",
      },
    ]
  `)
})
