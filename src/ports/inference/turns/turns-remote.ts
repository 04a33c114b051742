import { answerInTurn } from '../texts/answer-in-turn.ts'
import { openTurnsSession } from './turns-session.ts'

// Runs in a worker thread or in a child process.
answerInTurn(openTurnsSession)
