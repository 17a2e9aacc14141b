// Sends the answer on to the app at once. Without scripts the person presses
// Continue instead.
document.getElementById("response").submit();
