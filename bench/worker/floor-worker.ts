/** A worker with nothing but the floor in it: what a bare worker costs. */
import { answerFloor } from './floor-answers';

answerFloor();
