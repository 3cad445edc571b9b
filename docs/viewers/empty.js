// Stands for modules of Node that a browser does not have.
export default {};
