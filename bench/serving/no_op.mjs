// The limit: a server that reads the body and answers a constant.
import { createServer } from 'node:http'

const answer = JSON.stringify({
  endpoint: 'bench',
  model: 'bench',
  version: 1,
  predictions: [
    { id: 'req_00000000000000000000000000', label: 'yes', probabilities: { no: 0.30000001192092896, yes: 0.699999988079071 } },
  ],
  warnings: [],
})
const server = createServer((request, reply) => {
  request.on('data', () => {})
  request.on('end', () => {
    reply.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
    reply.end(answer)
  })
})
server.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`))
