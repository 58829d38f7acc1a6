// Calls all that node-quickbooks offers for what the stand-in has.
// Arguments: address, realm, client id, secret, refresh token.

const { promisify } = require('node:util')
const QuickBooks = require('node-quickbooks')

const [address, realm, clientId, secret, refreshToken] = process.argv.slice(2)
QuickBooks.V3_ENDPOINT_BASE_URL = `${address}/v3/company/`
QuickBooks.TOKEN_URL = `${address}/oauth2/v1/tokens/bearer`
QuickBooks.REVOKE_URL = `${address}/v2/oauth2/tokens/revoke`
QuickBooks.USER_INFO_URL = `${address}/v1/openid_connect/userinfo`

const ended = {} // how each call ended; an empty text where nothing went wrong
const qbo = new QuickBooks(clientId, secret, 'none yet', false, realm, true, false, 75, '2.0', refreshToken)

// Make one call, and return what it returns; nothing where it failed.
async function call (name, method, ...given) {
  if (name in ended) throw new Error(name)
  try {
    const answer = await promisify(qbo[method]).apply(qbo, given)
    ended[name] = ''
    return answer
  } catch (error) {
    const body = error.response ? error.response.data : error
    ended[name] = error instanceof Error && !error.response ? String(error) : JSON.stringify(body)
  }
}

// Note where the answers do not say what they must.
function check (name, holds) {
  if (!holds) ended[name] = 'AssertionError'
}

const ref = (value) => ({ value })

// Give what is needed of each kind that has names: its plural, its name's member, and the rest.
const NAMED = {
  Customer: ['Customers', 'DisplayName', { Notes: 'n' }],
  Vendor: ['Vendors', 'DisplayName', { GivenName: 'Nina' }],
  Employee: ['Employees', 'DisplayName', { GivenName: 'Ned', FamilyName: 'Node' }],
  Item: ['Items', 'Name', { Type: 'Service', IncomeAccountRef: ref('1') }],
  Class: ['Classes', 'Name', {}],
  Department: ['Departments', 'Name', {}]
}

async function keepNames () {
  const kept = {}
  for (const [kind, [plural, name, members]] of Object.entries(NAMED)) {
    const one = await call(`create${kind}`, `create${kind}`, { [name]: `Node's ${kind}`, ...members })
    kept[kind] = await call(`create${kind} with a request id`, `create${kind}`, { [name]: `Kept ${kind}`, ...members, requestId: kind })
    const read = await call(`get${kind}`, `get${kind}`, one.Id)
    const { Id, SyncToken } = read
    const changed = await call(`update${kind}`, `update${kind}`, { Id, SyncToken, [name]: `Changed ${kind}` })
    check(`${kind} was changed`, changed[name] === `Changed ${kind}`)
    await findIn(`find${plural}`, kind, name, changed)
    await call(`update${kind} as inactive`, `update${kind}`, { Id, SyncToken: changed.SyncToken, Active: false })
  }
  return kept
}

// Find a row in each way that criteria offer.
async function findIn (method, kind, name, row) {
  const ways = {
    all: undefined,
    'by name': { [name]: row[name] },
    'by two': [{ field: name, value: row[name] }, { field: 'Active', value: true }],
    'by like': [{ field: name, value: `Changed ${kind.slice(0, 3)}%`, operator: 'LIKE' }],
    'by id': { Id: row.Id },
    'in order': { asc: name, limit: 1000 },
    'and all of them': { fetchAll: true, limit: 5, offset: 1 }
  }
  for (const [way, criteria] of Object.entries(ways)) {
    const found = await call(`${method} ${way}`, method, ...(criteria ? [criteria] : []))
    const rows = found ? found.QueryResponse[kind] || [] : []
    check(`${method} ${way} finds it`, rows.some(({ Id }) => Id === row.Id))
  }
  const counted = await call(`${method} counted`, method, { count: true })
  check(`${method} counts`, counted.QueryResponse.totalCount > 0)
}

function work (kept, members = {}) {
  return { TxnDate: '2026-09-07', NameOf: 'Employee', EmployeeRef: ref(kept.Employee.Id), Hours: 1, Minutes: 30, ...members }
}

async function keepTime (kept) {
  const billable = { CustomerRef: ref(kept.Customer.Id), BillableStatus: 'Billable', HourlyRate: 75.5 }
  await call('createTimeActivity plain', 'createTimeActivity', work(kept))
  const one = await call('createTimeActivity billable', 'createTimeActivity', work(kept, billable))
  await call('createTimeActivity again', 'createTimeActivity', work(kept, { requestId: 'time' }))
  await call('createTimeActivity of a vendor', 'createTimeActivity', work(kept, { NameOf: 'Vendor', EmployeeRef: undefined, VendorRef: ref(kept.Vendor.Id) }))
  const read = await call('getTimeActivity', 'getTimeActivity', one.Id)
  const changed = await call('updateTimeActivity', 'updateTimeActivity', { ...read, Description: 'Changed' })
  check('time was changed', changed.Description === 'Changed')
  await call('findTimeActivities by day', 'findTimeActivities', { TxnDate: '2026-09-07' })
  await call('findTimeActivities since', 'findTimeActivities', [{ field: 'TxnDate', value: '2026-09-01', operator: '>=' }, { field: 'desc', value: 'TxnDate' }])
  await call('findTimeActivities changed', 'findTimeActivities', [{ field: 'MetaData.LastUpdatedTime', value: '2026-09-01T00:00:00+00:00', operator: '>' }])
  await call('deleteTimeActivity by row', 'deleteTimeActivity', changed)
  const gone = await call('createTimeActivity to be deleted', 'createTimeActivity', work(kept))
  await call('deleteTimeActivity by id', 'deleteTimeActivity', gone.Id)
}

async function keepBatches (kept) {
  const items = [
    { bId: '1', operation: 'create', TimeActivity: work(kept) },
    { bId: '2', operation: 'create', TimeActivity: work(kept, { Hours: 2 }) },
    { bId: '3', Query: 'select * from Customer maxresults 1' }
  ]
  const done = await call('batch', 'batch', items)
  check('batch did all', done.BatchItemResponse.every((item) => !item.Fault))
}

async function keepSales (kept) {
  for (const kind of ['Invoice', 'Estimate']) {
    const line = { Amount: 120, DetailType: 'SalesItemLineDetail', SalesItemLineDetail: { ItemRef: ref(kept.Item.Id), Qty: 1.5, UnitPrice: 80 } }
    const one = await call(`create${kind}`, `create${kind}`, { CustomerRef: ref(kept.Customer.Id), Line: [line] })
    const read = await call(`get${kind}`, `get${kind}`, one.Id)
    await call(`update${kind}`, `update${kind}`, { ...read, PrivateNote: 'n' })
    await call(`find${kind}s`, `find${kind}s`, { CustomerRef: kept.Customer.Id })
    await call(`delete${kind}`, `delete${kind}`, one.Id)
  }
}

async function lookAround () {
  await call('getCompanyInfo', 'getCompanyInfo', realm)
  await call('findCompanyInfos', 'findCompanyInfos')
  const settings = await call('getPreferences', 'getPreferences')
  await call('findPreferenceses', 'findPreferenceses')
  await call('updatePreferences', 'updatePreferences', settings)
  const since = new Date(Date.now() - 86400000)
  const feed = await call('changeDataCapture', 'changeDataCapture', ['Customer', 'Employee', 'Item'], since)
  check('changeDataCapture tells of customers', feed.CDCResponse[0].QueryResponse[0].Customer.length > 0)
  await call('changeDataCapture of a text', 'changeDataCapture', 'Vendor,Invoice', since.toISOString())
}

async function main () {
  const tokens = await call('refreshAccessToken', 'refreshAccessToken')
  check('refreshAccessToken gives both', Boolean(tokens.access_token && tokens.refresh_token))
  await call('getUserInfo', 'getUserInfo')
  const kept = await keepNames()
  await keepTime(kept)
  await keepBatches(kept)
  await keepSales(kept)
  await lookAround()
  await call('revokeAccess', 'revokeAccess', false)
}

main().catch((error) => { ended.main = String(error.stack) })
  .finally(() => console.log(JSON.stringify(ended)))
