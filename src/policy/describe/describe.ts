/** All of these words from one place. New code imports the file that has them. */
export { answersTo, describeAnswer, describeRemember } from "./answer.ts";
export { describeDecision } from "./decision.ts";
export { describeQuestion, describeShortly } from "./question.ts";
export { atHost, describeRequest, onHosts } from "./request.ts";
