"""try"""
import time, json
import pytest
from axe_playwright_python.sync_playwright import Axe
from tests.e2e import journey, orders
AXE=Axe()
OPT={'runOnly':['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice'],'iframes':False,'resultTypes':['violations','incomplete']}
def judge(page,name):
    t=time.time()
    r=AXE.run(page,options=OPT).response
    print(f'--- {name} {time.time()-t:.2f}s passes={len(r["passes"])} viol={len(r["violations"])} inc={len(r["incomplete"])}')
    for kind in ('violations','incomplete'):
        for v in r[kind]:
            print('   ',kind,v['id'],v['help'])
            for n in v['nodes'][:4]:
                print('        ',n['target'],n['html'][:160],[m['message'] for m in n['any']+n['all']+n['none']][:2])
def test_all(page, shop_process, sandbox):
    for path in ('/','/?trouble=unreachable','/?trouble=already_paid&again=1&error=12345678','/terms','/privacy','/refunds','/nothing','/order/nothing','/success'):
        t=time.time()
        page.goto(shop_process.url+path)
        if path[:2] in('/','/?'): journey.live_button(page)
        print('load',time.time()-t)
        judge(page,path)
        page.emulate_media(color_scheme='dark'); judge(page,path+' dark'); page.emulate_media(color_scheme='light')
    for state in orders.STATES:
        sandbox.release_levers()
        t=time.time()
        url=orders.Maker(shop_process,sandbox).make(state)
        t1=time.time()
        page.goto(url)
        page.locator('#app[data-v-app]').wait_for()
        print('make',t1-t,'load',time.time()-t1, page.locator('h1').inner_text())
        judge(page,state)
        page.screenshot(path=f'/tmp/axe/{state}.png',full_page=True)
        page.emulate_media(color_scheme='dark'); judge(page,state+' dark'); page.emulate_media(color_scheme='light')
def test_plain(another_browser, shop_process, sandbox):
    page=another_browser(java_script_enabled=False)
    page.goto(shop_process.url)
    judge(page,'no script')
    page.goto(orders.Maker(shop_process,sandbox).make('open'))
    judge(page,'no script open')
    page.goto(orders.Maker(shop_process,sandbox).make('paid'))
    judge(page,'no script paid')
    page=another_browser(user_agent='Googlebot')
    page.goto(shop_process.url)
    judge(page,'bot')
