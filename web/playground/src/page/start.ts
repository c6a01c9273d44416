/** The manifest that the page opens with: one mistake with a certain fix, and one warning. */

export const START = `apiVersion: skupper.io/v2alpha1
kind: AccessGrant
metadata:
  name: west
spec:
  expirationWindow: 1 day  # Go durations have no days
  code: open-sesame
`;
