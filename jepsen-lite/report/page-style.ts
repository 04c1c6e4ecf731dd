/** The page's style sheet: light and dark by variables, no font and nothing else from outside. */
export const pageStyle = `
:root{color-scheme:light dark;--bg:#f7f7f5;--card:#fff;--ink:#1d2126;--soft:#68707a;--rule:#e4e5e2;--grid:#ecedea;
--ok:#2f7dbf;--fail:#8d949c;--info:#e0702b;--lost:#c2203b;--recovered:#8a5cc2;--delivered:#9fb9cf;
--valid:#1f8a4c;--invalid:#c2203b;--unknown:#b7791f;
--q1:#12558c;--q2:#3f8fcf;--q3:#e0a12b;--q4:#d0553f;
--h0:#d66a5e;--h1:#7a6fd0;--h2:#3d9e8f;--h3:#c08a2e;--h4:#b05fa0;--h5:#6d8c3a;
--n0:#2f7dbf;--n1:#e0a12b;--n2:#3d9e8f;--n3:#b05fa0;--n4:#d66a5e;--n5:#6d8c3a;--n6:#7a6fd0;
--leader:#2f7dbf;--follower:#cfdbe6;--candidate:#e0a12b;--learner:#b9d8c9;--band:.13}
@media(prefers-color-scheme:dark){:root:not([data-theme=light]){--bg:#15181c;--card:#1d2126;--ink:#e6e8ea;--soft:#98a1ab;--rule:#30363d;--grid:#292e35;
--ok:#5aa5e3;--fail:#8d949c;--info:#f08a45;--lost:#f2607a;--recovered:#b48ee6;--delivered:#44607a;
--valid:#3fb670;--invalid:#f2607a;--unknown:#dba13e;--q1:#8cc5f5;--q2:#4d9fe0;--q3:#e5b04a;--q4:#ea7a65;
--leader:#4d9fe0;--follower:#33424f;--candidate:#dba13e;--learner:#2f5846;--band:.2}}
:root[data-theme=dark]{color-scheme:dark;--bg:#15181c;--card:#1d2126;--ink:#e6e8ea;--soft:#98a1ab;--rule:#30363d;--grid:#292e35;
--ok:#5aa5e3;--fail:#8d949c;--info:#f08a45;--lost:#f2607a;--recovered:#b48ee6;--delivered:#44607a;
--valid:#3fb670;--invalid:#f2607a;--unknown:#dba13e;--q1:#8cc5f5;--q2:#4d9fe0;--q3:#e5b04a;--q4:#ea7a65;
--leader:#4d9fe0;--follower:#33424f;--candidate:#dba13e;--learner:#2f5846;--band:.2}
:root[data-theme=light]{color-scheme:light}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}
header{display:flex;gap:18px;align-items:center;flex-wrap:wrap;margin-bottom:20px}
header h1{font-size:24px;line-height:1.2;margin:0}header p{margin:2px 0 0;color:var(--soft)}
.verdict{font-weight:700;font-size:20px;padding:10px 20px;border-radius:10px;color:#fff;letter-spacing:.02em}
.verdict.valid{background:var(--valid)}.verdict.invalid{background:var(--invalid)}.verdict.unknown{background:var(--unknown)}
button{margin-left:auto;background:none;border:1px solid var(--rule);color:var(--soft);border-radius:8px;padding:6px 12px;font:inherit;font-size:13px;cursor:pointer}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(155px,1fr));gap:12px;margin-bottom:8px}
.tile{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:12px 14px;display:flex;flex-direction:column}
.tile span,.tile small{color:var(--soft);font-size:12.5px}.tile b{font-size:22px;font-weight:650;line-height:1.35;font-variant-numeric:tabular-nums}
h2{font-size:18px;margin:34px 0 12px}h3{font-size:15px;margin:0}
figure,.card,.anomaly{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:14px 16px;margin:0 0 14px}
figcaption{display:flex;gap:10px;align-items:baseline;flex-wrap:wrap}figcaption p{margin:0;color:var(--soft);font-size:13px}
.legend{display:flex;gap:4px 16px;flex-wrap:wrap;font-size:12.5px;color:var(--soft);margin:4px 0 6px}
.key{display:inline-flex;align-items:center;gap:6px}
.swatch{display:inline-block;width:11px;height:11px;border-radius:3px;background:currentColor}
.chart{width:100%;height:auto;display:block;overflow:visible}
.grid{stroke:var(--grid)}.axis{stroke:var(--rule)}.tick{fill:var(--soft);font-size:11px}
.cursor{stroke:var(--soft);stroke-dasharray:3 3;pointer-events:none;visibility:hidden}
.band{opacity:var(--band);fill:currentColor;stroke:none}.band-name{font-size:10.5px;fill:currentColor;font-weight:600}
.dots{stroke:currentColor;stroke-width:2.6;stroke-linecap:round;fill:none;opacity:.55}.dots.lost,.dots.info{stroke-width:3.6;opacity:.9}
.line{stroke:currentColor;stroke-width:1.6;fill:none;stroke-linejoin:round}.line.delivered{stroke-width:1.2;opacity:.8}
.area{fill:currentColor;stroke:none;opacity:.85}
.ok{color:var(--ok)}.fail{color:var(--fail)}.info{color:var(--info)}.lost{color:var(--lost)}.recovered{color:var(--recovered)}.delivered{color:var(--delivered)}
.q1{color:var(--q1)}.q2{color:var(--q2)}.q3{color:var(--q3)}.q4{color:var(--q4)}
.h0{color:var(--h0)}.h1{color:var(--h1)}.h2{color:var(--h2)}.h3{color:var(--h3)}.h4{color:var(--h4)}.h5{color:var(--h5)}
.node0{color:var(--n0)}.node1{color:var(--n1)}.node2{color:var(--n2)}.node3{color:var(--n3)}.node4{color:var(--n4)}.node5{color:var(--n5)}.node6{color:var(--n6)}
.role-leader{color:var(--leader)}.role-follower{color:var(--follower)}.role-candidate{color:var(--candidate)}.role-learner{color:var(--learner)}
.segment{fill:currentColor}.lane-text{font-size:10px;fill:var(--soft)}.lane-text.role-leader{fill:#fff}
.scroll{overflow-x:auto}.says{min-width:300px;width:46%}.brief{color:var(--soft);font-size:13px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;flex:1;min-width:0}details[open] .brief{display:none}table{border-collapse:collapse;width:100%;font-size:13px}
th{text-align:left;color:var(--soft);font-weight:500;padding:4px 12px 6px 0;border-bottom:1px solid var(--rule);white-space:nowrap}
td{padding:6px 12px 6px 0;border-bottom:1px solid var(--grid);vertical-align:top}tr:last-child td{border-bottom:0}
.number{font-variant-numeric:tabular-nums;white-space:nowrap}.value{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12px;overflow-wrap:anywhere}
.pill{display:inline-block;border-radius:20px;padding:1px 10px;font-size:12px;font-weight:600;color:#fff}
.pill.valid{background:var(--valid)}.pill.invalid{background:var(--invalid)}.pill.unknown{background:var(--unknown)}.pill.idle{background:var(--fail)}
.quiet{color:var(--soft)}.more{color:var(--soft);font-size:13px}.doubt{color:var(--unknown);font-size:12.5px}
.anomaly summary{cursor:pointer;display:flex;gap:8px;align-items:center;list-style:none}.anomaly summary::before{content:'▸';color:var(--soft)}.anomaly[open] summary::before{content:'▾'}.anomaly p{margin:8px 0}.anomaly:not([open]){padding:8px 16px;margin-bottom:8px}.anomaly .tag,.anomaly b{white-space:nowrap}
.tag{border:1px solid var(--rule);border-radius:6px;padding:0 7px;font-size:12px;color:var(--soft)}
.op-invoke td{color:var(--soft)}.op-info td:nth-child(4){color:var(--info)}.op-ok td:nth-child(4){color:var(--ok)}
.log{margin-top:8px;font-size:13px}.anomaly .log summary{color:var(--soft)}.log pre{overflow:auto;max-height:320px;font:11.5px/1.45 ui-monospace,Menlo,Consolas,monospace;margin:6px 0 0}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:14px}.columns .card{margin:0}
.facts td:first-child{color:var(--soft);white-space:nowrap;width:1%}
#tip{position:fixed;pointer-events:none;background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:7px 11px;font-size:12.5px;box-shadow:0 4px 16px #0003;display:none;white-space:pre;line-height:1.45;font-variant-numeric:tabular-nums;z-index:9}
@media print{button{display:none}body{background:#fff}}
`
