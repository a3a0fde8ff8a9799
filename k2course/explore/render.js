// The kinds of live elements; one entry point for the kernel and for the page.
const KINDS = { model: renderModel, intake: renderIntake };
const render = (context) => KINDS[context.model.get("spec").kind](context);
