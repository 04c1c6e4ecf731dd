/**
 * The page's script: one cursor over all charts, with the figures of the second under it, and the
 * switch between light and dark. Without it the page is whole.
 */
export const pageScript = `
const {rows,faults,end,left,right,width}=JSON.parse(document.getElementById('figures').textContent)
const tip=document.getElementById('tip')
const cursors=[...document.querySelectorAll('.cursor')]
const ms=v=>v>=1000?(v/1000).toFixed(2)+' s':v.toPrecision(3)+' ms'
function show(event){
  const box=event.currentTarget.getBoundingClientRect()
  const x=(event.clientX-box.left)/box.width*width
  if(x<left||x>width-right)return hide()
  const at=(x-left)/(width-right-left)*end
  for(const c of cursors){c.setAttribute('x1',x);c.setAttribute('x2',x);c.style.visibility='visible'}
  const r=rows[Math.floor(at)]
  const text=[at.toFixed(1)+' s']
  if(r){
    text.push('ok '+r[0]+'   fail '+r[1]+'   unknown '+r[2])
    if(r[3]!==null)text.push('median '+ms(r[3])+'   99 % '+ms(r[4])+'   max '+ms(r[5]))
  }
  for(const f of faults)if(f[1]<=at&&at<=f[2])text.push('▮ '+f[0]+' '+f[3])
  tip.textContent=text.join('\\n')
  tip.style.display='block'
  const over=event.clientX+20+tip.offsetWidth>innerWidth
  tip.style.left=(over?event.clientX-16-tip.offsetWidth:event.clientX+16)+'px'
  tip.style.top=Math.min(event.clientY+16,innerHeight-tip.offsetHeight-8)+'px'
}
function hide(){tip.style.display='none';for(const c of cursors){c.style.visibility='hidden'}}
for(const chart of document.querySelectorAll('.chart')){
  chart.addEventListener('pointermove',show)
  chart.addEventListener('pointerleave',hide)
}
document.getElementById('theme').addEventListener('click',()=>{
  const root=document.documentElement
  const dark=root.dataset.theme?root.dataset.theme==='dark':matchMedia('(prefers-color-scheme:dark)').matches
  root.dataset.theme=dark?'light':'dark'
})
`
