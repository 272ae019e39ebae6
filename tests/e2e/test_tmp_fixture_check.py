"""x"""
import re
from playwright.sync_api import Page, expect

def test_pay(page: Page, sandbox, shop_process):
    """x"""
    page.goto(shop_process.url)
    expect(page.locator('body')).to_contain_text('Coaching')
    page.locator('button').first.click()
    page.wait_for_url(re.compile('/stripe/pay/'))
    session = page.url.rsplit('/',1)[1]
    out = sandbox.pay(session)
    page.goto(out['redirect'])
    expect(page.locator('h1')).to_contain_text('Payment Successful', timeout=15000)
    print([ (r['method'], r['path']) for r in sandbox.requests('checkout')])
    assert sandbox.state()['deliveries'][0]['statuses'] == [200], sandbox.state()['deliveries']

def test_kill(page: Page, shop_process):
    """x"""
    pid = shop_process.pid
    shop_process.kill(); shop_process.start()
    assert shop_process.pid != pid
    shop_process.stop()

def test_again(page: Page, shop_process, start_shop):
    """x"""
    page.goto(shop_process.url)
    other = start_shop({'LOG_LEVEL': 'debug', 'LOG_FORMAT': 'json'})
    page.goto(other.url)
    expect(page.locator('body')).to_contain_text('No such text', timeout=500)
