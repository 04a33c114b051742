import { answerInTurn } from './answer-in-turn.ts'
import { openTextSession, type TextModelFiles } from './text-session.ts'

// Runs in a worker thread or in a child process.
answerInTurn(async (files: TextModelFiles) => {
  const session = await openTextSession(files)
  return session.write
})
