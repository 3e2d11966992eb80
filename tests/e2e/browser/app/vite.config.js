// Two builds of the same application differ in one word, which is in the first script and in every page's own: so all
// names that carry a hash differ, as after a real change.
export default {
  logLevel: 'warn',
  define: { __BUILD__: JSON.stringify(process.env.BUILD) },
};
