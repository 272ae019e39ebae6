"""try"""
import time, os
from tests.e2e import journey, orders
from tests.e2e import test_accessibility as a
from tests.e2e.test_accessibility import phone
def test_time(another_browser, shop_process, sandbox):
    page=another_browser(viewport=a.PHONE)
    for path in ('/','/terms'):
        T=[time.time()]
        page.goto(shop_process.url+path); T.append(time.time())
        a._verdict(page,a.STANDARD); T.append(time.time())
        a._verdict(page,a.STANDARD); T.append(time.time())
        a._verdict(page,a.COLOURS); T.append(time.time())
        journey.widest(page); T.append(time.time())
        a._too_small(page); T.append(time.time())
        print(path,[round(y-x,2) for x,y in zip(T,T[1:])])
def test_popup(phone, start_shop, tmp_path):
    shop=start_shop({})
    journey.open_landing(phone,shop)
    shop.kill()
    from playwright.sync_api import expect
    expect(phone.get_by_role('alert').filter(has_text='This page reconnects by itself')).to_be_visible()
    told=a.AXE.run(phone, options={'runOnly': a.STANDARD, 'iframes': False, 'preload': False}).response
    for rule in told['violations']+told['incomplete']:
        for n in rule['nodes']: print(rule['id'],n['html'],n['any'])
    phone.screenshot(path='/tmp/axe/popup.png')
